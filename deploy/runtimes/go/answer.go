package fn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
)

// Response is an answer of the handler's own making. StatusCode 0 means 200.
// Body: nil, []byte (sent as it is), string (sent as text), anything else as JSON.
type Response struct {
	StatusCode int
	Headers    http.Header
	Body       any
}

// Error names its type in the answer's body; other errors are named after their Go type.
type Error struct {
	Type    string
	Message string
}

func (e *Error) Error() string { return e.Message }

const (
	jsonContent  = "application/json"
	messageLimit = 2000
)

type answer struct {
	status  int
	headers http.Header
	body    []byte
}

var (
	headerName  = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$")
	headerValue = regexp.MustCompile(`^[\t\x20-\x7e]*$`)
	// Set by the server alone; a handler's own values are dropped.
	serverHeaders = map[string]bool{
		"connection": true, "keep-alive": true, "transfer-encoding": true, "content-length": true,
		"upgrade": true, "trailer": true, "x-request-id": true,
	}
)

// encode writes JSON without escaping <, > and &, which only HTML needs.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

func errorAnswer(status int, kind, message, source string) answer {
	if len(message) > messageLimit {
		message = strings.ToValidUTF8(message[:messageLimit], "")
	}
	body, _ := encode(map[string]any{"error": map[string]string{"type": kind, "message": message}})
	headers := http.Header{}
	headers.Set("content-type", jsonContent)
	headers.Set("x-fnplane-error-source", source)
	return answer{status, headers, body}
}

// errorType is the name of the first exported type in the error's chain, else "Error": what errors.New and fmt.Errorf return is nobody's type.
func errorType(err error) string {
	var named *Error
	if errors.As(err, &named) && named.Type != "" {
		return named.Type
	}
	for ; err != nil; err = errors.Unwrap(err) {
		kind := reflect.TypeOf(err)
		for kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if name := kind.Name(); name != "" && name[0] >= 'A' && name[0] <= 'Z' {
			return name
		}
	}
	return "Error"
}

func invalidResponse(format string, args ...any) error {
	return &Error{Type: "InvalidResponse", Message: fmt.Sprintf(format, args...)}
}

func ownHeaders(given http.Header) (http.Header, error) {
	headers := http.Header{}
	for name, values := range given {
		if !headerName.MatchString(name) {
			return nil, invalidResponse("%q is no header name", name)
		}
		lower := strings.ToLower(name)
		if serverHeaders[lower] || strings.HasPrefix(lower, "x-fnplane-") {
			continue
		}
		for _, value := range values {
			if !headerValue.MatchString(value) {
				return nil, invalidResponse("header %s has a value that HTTP does not allow", name)
			}
			headers.Add(name, value)
		}
	}
	return headers, nil
}

func (r Response) answer() (answer, error) {
	status := r.StatusCode
	if status == 0 {
		status = http.StatusOK
	}
	if status < 200 || status > 599 {
		return answer{}, invalidResponse("StatusCode is %d, not a whole number from 200 to 599", status)
	}
	headers, err := ownHeaders(r.Headers)
	if err != nil {
		return answer{}, err
	}
	var body []byte
	kind := ""
	switch given := r.Body.(type) {
	case nil:
	case []byte:
		body, kind = given, "application/octet-stream"
	case string:
		body, kind = []byte(given), "text/plain; charset=utf-8"
	default:
		kind = jsonContent
		if body, err = encode(given); err != nil {
			return answer{}, err
		}
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return answer{status, headers, nil}, nil
	}
	if kind != "" && headers.Get("content-type") == "" {
		headers.Set("content-type", kind)
	}
	return answer{status, headers, body}, nil
}

// returnedAnswer: nil is 204, []byte is a raw body, Response is an answer of its own, EventResponse a CloudEvent, anything else is JSON.
func returnedAnswer(value any) (answer, error) {
	switch given := value.(type) {
	case nil:
		return answer{status: http.StatusNoContent}, nil
	case []byte:
		return answer{http.StatusOK, http.Header{"Content-Type": {"application/octet-stream"}}, given}, nil
	case Response:
		return given.answer()
	case *Response:
		if given == nil {
			return answer{status: http.StatusNoContent}, nil
		}
		return given.answer()
	case EventResponse:
		return given.answer()
	case *EventResponse:
		if given == nil {
			return answer{status: http.StatusNoContent}, nil
		}
		return given.answer()
	}
	body, err := encode(value)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, http.Header{"Content-Type": {jsonContent}}, body}, nil
}
