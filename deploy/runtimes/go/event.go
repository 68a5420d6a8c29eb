package fn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Event is a request as the handler sees it: plain HTTP, or CloudEvents 1.0 in binary or structured mode.
type Event struct {
	// ID is the CloudEvent's id, else the request id.
	ID     string `json:"id"`
	Method string `json:"method"`
	// Path as sent, not decoded.
	Path string `json:"path"`
	// Query holds the first value of each name, decoded.
	Query    map[string]string `json:"query"`
	RawQuery string            `json:"rawQuery"`
	// Headers by lower-case name; repeated ones are joined.
	Headers map[string]string `json:"headers"`
	// Data is JSON as sent, text/* as a JSON string, otherwise nil. See Decode.
	Data       json.RawMessage `json:"data"`
	CloudEvent *CloudEvent     `json:"cloudevent"`
	// Body is the data as bytes.
	Body []byte `json:"-"`
}

// Decode reads Data into a value, as json.Unmarshal does. An event without JSON data is an error.
func (e Event) Decode(into any) error {
	if len(e.Data) == 0 {
		return errors.New("the event has no JSON data")
	}
	return json.Unmarshal(e.Data, into)
}

// CloudEvent holds the attributes of a CloudEvent; the data is in the Event. Empty ones are absent.
type CloudEvent struct {
	SpecVersion     string
	ID              string
	Source          string
	Type            string
	Subject         string
	Time            string
	DataContentType string
	DataSchema      string
	// Extensions by name: strings in binary mode, strings, numbers or booleans in structured mode.
	Extensions map[string]any
}

func (c *CloudEvent) fields() map[string]*string {
	return map[string]*string{
		"specversion": &c.SpecVersion, "id": &c.ID, "source": &c.Source, "type": &c.Type, "subject": &c.Subject,
		"time": &c.Time, "datacontenttype": &c.DataContentType, "dataschema": &c.DataSchema,
	}
}

// MarshalJSON writes the attributes flat, as the JSON format of CloudEvents does.
func (c *CloudEvent) MarshalJSON() ([]byte, error) {
	flat := make(map[string]any, len(c.Extensions)+8)
	for name, value := range c.Extensions {
		flat[name] = value
	}
	for name, value := range c.fields() {
		if *value != "" {
			flat[name] = *value
		}
	}
	return encode(flat)
}

// refusal is a request that cannot become an event: the platform answers, the handler does not run.
type refusal struct {
	status  int
	kind    string
	message string
}

func (r *refusal) Error() string { return r.message }

func badCloudEvent(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, "InvalidCloudEvent", fmt.Sprintf(format, args...)}
}

var (
	jsonType      = regexp.MustCompile(`^application/(?:[a-z0-9!#$&^_.-]+\+)?json$`)
	attributeName = regexp.MustCompile(`^[a-z0-9]+$`)
	// As CloudEvents demand it of time.
	rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$`)
)

func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func checkJSON(body []byte) error {
	problem := ""
	if !utf8.Valid(body) {
		problem = "it is not UTF-8"
	} else if !json.Valid(body) {
		var ignored any
		problem = fmt.Sprint(json.Unmarshal(body, &ignored))
	}
	if problem == "" {
		return nil
	}
	return &refusal{http.StatusBadRequest, "InvalidJson", "The body is not valid JSON: " + problem}
}

func readData(kind string, body []byte, encoded bool) (json.RawMessage, error) {
	switch {
	case len(body) == 0 || encoded:
		return nil, nil
	case jsonType.MatchString(kind):
		return body, checkJSON(body)
	case strings.HasPrefix(kind, "text/"):
		return encode(strings.ToValidUTF8(string(body), "\uFFFD"))
	}
	return nil, nil
}

// unescape decodes percent escapes; text that is no valid escape stays as it is.
func unescape(value string) string {
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}

func readQuery(raw string) map[string]string {
	query := map[string]string{}
	for _, part := range strings.Split(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name = unescape(strings.ReplaceAll(name, "+", " "))
		if _, present := query[name]; !present {
			query[name] = strings.ToValidUTF8(unescape(strings.ReplaceAll(value, "+", " ")), "\uFFFD")
		}
	}
	return query
}

// latin1 reads bytes of a header as the characters HTTP means by them.
func latin1(value string) string {
	if utf8.RuneCountInString(value) == len(value) && utf8.ValidString(value) {
		return value
	}
	runes := make([]rune, len(value))
	for index := 0; index < len(value); index++ {
		runes[index] = rune(value[index])
	}
	return string(runes)
}

// Headers of one hop: no handler's business.
var hop = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true, "transfer-encoding": true,
	"te": true, "trailer": true, "upgrade": true, "expect": true,
}

func joinHeaders(r *http.Request) map[string]string {
	headers := make(map[string]string, len(r.Header)+1)
	if r.Host != "" {
		headers["host"] = r.Host
	}
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		separator := ", "
		if lower == "cookie" {
			separator = "; "
		}
		if !hop[lower] {
			headers[lower] = latin1(strings.Join(values, separator))
		}
	}
	return headers
}

func checkCloudEvent(c *CloudEvent) (*CloudEvent, error) {
	if c.SpecVersion != "1.0" {
		return nil, badCloudEvent("specversion is %q; this runtime reads 1.0.", c.SpecVersion)
	}
	for _, one := range []struct{ name, value string }{{"id", c.ID}, {"source", c.Source}, {"type", c.Type}} {
		if one.value == "" {
			return nil, badCloudEvent("The attribute %q is missing or empty.", one.name)
		}
	}
	if c.Time != "" && !rfc3339.MatchString(c.Time) {
		return nil, badCloudEvent("The attribute \"time\" is no RFC 3339 time.")
	}
	return c, nil
}

func binaryAttributes(headers map[string]string) (*CloudEvent, error) {
	c := &CloudEvent{Extensions: map[string]any{}}
	fields := c.fields()
	for name, value := range headers {
		attribute, ok := strings.CutPrefix(name, "ce-")
		if !ok {
			continue
		}
		if !attributeName.MatchString(attribute) {
			return nil, badCloudEvent("The attribute name %q has other characters than a-z and 0-9.", attribute)
		}
		if field := fields[attribute]; field != nil {
			*field = unescape(value)
		} else {
			c.Extensions[attribute] = unescape(value)
		}
	}
	if contentType := headers["content-type"]; contentType != "" {
		c.DataContentType = contentType
	}
	return checkCloudEvent(c)
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

func structuredAttributes(envelope map[string]json.RawMessage) (*CloudEvent, error) {
	c := &CloudEvent{Extensions: map[string]any{}}
	fields := c.fields()
	for name, raw := range envelope {
		if name == "data" || name == "data_base64" || isNull(raw) {
			continue
		}
		if !attributeName.MatchString(name) {
			return nil, badCloudEvent("The attribute name %q has other characters than a-z and 0-9.", name)
		}
		if field := fields[name]; field != nil {
			if json.Unmarshal(raw, field) != nil {
				return nil, badCloudEvent("The attribute %q is not a string.", name)
			}
			continue
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, badCloudEvent("The attribute %q cannot be read.", name)
		}
		c.Extensions[name] = value
	}
	return checkCloudEvent(c)
}

func (e *Event) readStructured(raw []byte) error {
	if err := checkJSON(raw); err != nil {
		return err
	}
	var envelope map[string]json.RawMessage
	if json.Unmarshal(raw, &envelope) != nil || envelope == nil {
		return badCloudEvent("The body is not a JSON object.")
	}
	data, encoded := envelope["data"], envelope["data_base64"]
	if !isNull(data) && !isNull(encoded) {
		return badCloudEvent("data and data_base64 exclude each other.")
	}
	var err error
	if e.CloudEvent, err = structuredAttributes(envelope); err != nil {
		return err
	}
	kind := mediaType(e.CloudEvent.DataContentType)
	e.Body = nil
	if !isNull(encoded) {
		if json.Unmarshal(encoded, &e.Body) != nil {
			return badCloudEvent("data_base64 is not base64.")
		}
		e.Data, err = readData(kind, e.Body, false)
		return err
	}
	if isNull(data) {
		return nil
	}
	e.Data, e.Body = data, data
	var plain string
	if kind != "" && !jsonType.MatchString(kind) && json.Unmarshal(data, &plain) == nil {
		e.Body = []byte(plain)
	}
	return nil
}

// splitTarget gives the path as sent and the raw query of a request.
func splitTarget(r *http.Request) (path, rawQuery string) {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") && target != "*" {
		return "/" + strings.TrimPrefix(r.URL.EscapedPath(), "/"), r.URL.RawQuery
	}
	path, rawQuery, _ = strings.Cut(target, "?")
	return path, rawQuery
}

// buildEvent fails with a *refusal (400, 415) for what no handler should see.
func buildEvent(r *http.Request, headers map[string]string, raw []byte, requestID string) (Event, error) {
	path, rawQuery := splitTarget(r)
	e := Event{ID: requestID, Method: r.Method, Path: path, Query: readQuery(rawQuery), RawQuery: rawQuery, Headers: headers, Body: raw}
	kind := mediaType(headers["content-type"])
	var err error
	switch {
	case kind == "application/cloudevents+json":
		err = e.readStructured(raw)
	case strings.HasPrefix(kind, "application/cloudevents"):
		err = &refusal{http.StatusUnsupportedMediaType, "UnsupportedMediaType",
			kind + " is not supported: send one event a request, as application/cloudevents+json or in binary mode."}
	default:
		if _, present := headers["ce-specversion"]; present {
			if e.CloudEvent, err = binaryAttributes(headers); err != nil {
				return Event{}, err
			}
		}
		coding := strings.ToLower(headers["content-encoding"])
		e.Data, err = readData(kind, raw, coding != "" && coding != "identity")
	}
	if err != nil {
		return Event{}, err
	}
	if e.CloudEvent != nil {
		e.ID = e.CloudEvent.ID
	}
	return e, nil
}
