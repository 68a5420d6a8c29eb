package fn

import (
	"fmt"
	"net/http"
	"strings"
)

// EventResponse answers a CloudEvent in binary mode: attributes as header fields, the data as the body.
// SpecVersion "" means 1.0. Data: nil, []byte (sent as it is), string (sent as text where DataContentType is no JSON), anything else as JSON.
type EventResponse struct {
	CloudEvent CloudEvent
	Data       any
}

func (r EventResponse) answer() (answer, error) {
	event := r.CloudEvent
	if event.SpecVersion == "" {
		event.SpecVersion = "1.0"
	}
	headers := http.Header{}
	for name, value := range event.fields() {
		switch {
		case name == "datacontenttype":
		case *value != "":
			headers.Set("ce-"+name, escape(*value))
		case name == "id" || name == "source" || name == "type":
			return answer{}, invalidResponse("the CloudEvent has no %s", name)
		}
	}
	for name, value := range event.Extensions {
		text, ok := attributeText(value)
		if !attributeName.MatchString(name) || name == "data" || event.fields()[name] != nil {
			return answer{}, invalidResponse("%q is no name of a CloudEvent's extension", name)
		}
		if !ok {
			return answer{}, invalidResponse("the attribute %s of the CloudEvent is neither text, whole number nor boolean", name)
		}
		headers.Set("ce-"+name, escape(text))
	}
	kind := event.DataContentType
	if kind != "" {
		headers.Set("content-type", kind)
	}
	data := r.Data
	if text, ok := data.(string); ok && kind != "" && !jsonType.MatchString(mediaType(kind)) {
		data = []byte(text)
	} else if ok {
		encoded, err := encode(text)
		if err != nil {
			return answer{}, err
		}
		data = encoded
		if kind == "" {
			headers.Set("content-type", jsonContent)
		}
	}
	return Response{Headers: headers, Body: data}.answer()
}

// attributeText is the string form of an attribute's value. JSON numbers are float64.
func attributeText(value any) (string, bool) {
	switch given := value.(type) {
	case string:
		return given, true
	case bool, int, int32, int64:
		return fmt.Sprint(given), true
	case float64:
		return fmt.Sprintf("%.0f", given), given == float64(int64(given))
	}
	return "", false
}

// escape writes what is no visible ASCII character, and quote and percent, as percent escapes of UTF-8.
func escape(value string) string {
	var out strings.Builder
	for _, octet := range []byte(strings.ToValidUTF8(value, "\uFFFD")) {
		if octet > 0x20 && octet < 0x7f && octet != '"' && octet != '%' {
			out.WriteByte(octet)
		} else {
			fmt.Fprintf(&out, "%%%02X", octet)
		}
	}
	return out.String()
}
