// Package handler is what all three runtimes are tested with: the path says what to do.
package handler

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"fnplane.dev/fn"
)

// OrderError is a type of the function's own.
type OrderError struct{ message string }

func (e OrderError) Error() string { return e.message }

// Handle answers one request.
func Handle(ctx context.Context, event fn.Event) (any, error) {
	switch event.Path {
	case "/echo":
		return event, nil
	case "/body":
		return event.Body, nil
	case "/event":
		return answerEvent(event), nil
	case "/bad-event":
		return fn.EventResponse{CloudEvent: fn.CloudEvent{ID: "x", Type: "t"}}, nil
	case "/bytes":
		return []byte{0, 1, 255}, nil
	case "/string":
		return `grüße <"&">`, nil
	case "/number":
		return 42, nil
	case "/list":
		return []any{1, nil, true}, nil
	case "/none":
		return nil, nil
	case "/raise":
		return nil, fmt.Errorf("looking: %w", OrderError{"no such order"})
	case "/raise-plain":
		return nil, errors.New("plain")
	case "/raise-named":
		return nil, &fn.Error{Type: "OutOfStock", Message: "nothing left"}
	case "/panic":
		panic("told to")
	case "/unserialisable":
		return map[string]any{"value": func() {}}, nil
	case "/sleep":
		return sleep(ctx, event)
	case "/log":
		fmt.Println("plain line")
		fn.FromContext(ctx).Logger.Info("structured line", "order", "o-1")
		return map[string]bool{"logged": true}, nil
	case "/print":
		fmt.Println("of no invocation")
		log.Print("of package log")
		slog.WarnContext(ctx, "careful", "order", "o-1")
		return map[string]bool{"printed": true}, nil
	case "/context":
		return describe(ctx), nil
	case "/pool-environment":
		return map[string]any{"pool": poolEnvironment()}, nil
	case "/environment":
		return map[string]string{"greeting": os.Getenv("GREETING")}, nil
	}
	return respond(event.Path), nil
}

func poolEnvironment() any {
	for _, name := range []string{"FNPLANE_POOL", "FNPLANE_POOL_TOKEN", "FNPLANE_LISTENER_FD", "FNPLANE_CALLER_FD"} {
		if value, present := os.LookupEnv(name); present {
			return name + "=" + value
		}
	}
	return nil
}

func answerEvent(event fn.Event) any {
	answered := fn.EventResponse{CloudEvent: *event.CloudEvent}
	switch {
	case len(event.Data) > 0:
		answered.Data = event.Data
		if text := ""; event.Decode(&text) == nil {
			answered.Data = text
		}
	case len(event.Body) > 0:
		answered.Data = event.Body
	}
	return answered
}

func respond(path string) any {
	switch path {
	case "/response":
		headers := http.Header{"Content-Type": {"text/csv"}, "X-Extra": {"a", "b"}, "Connection": {"upgrade"}, "X-Fnplane-Served-By": {"forged"}}
		return fn.Response{StatusCode: 201, Headers: headers, Body: "a,b\n"}
	case "/json-response":
		return &fn.Response{StatusCode: 422, Body: map[string]bool{"wrong": true}}
	case "/raw-response":
		return fn.Response{Headers: http.Header{"Content-Type": {"image/png"}}, Body: []byte("\x89PNG")}
	case "/no-body-response":
		return fn.Response{StatusCode: 202}
	case "/not-a-response":
		return map[string]any{"statusCode": 202, "order": "o-1"}
	case "/bad-status":
		return fn.Response{StatusCode: 99}
	case "/bad-header":
		return fn.Response{Headers: http.Header{"x-a": {"b\r\nx-c: d"}}}
	}
	return nil
}

func sleep(ctx context.Context, event fn.Event) (any, error) {
	ms, err := strconv.Atoi(event.Query["ms"])
	if err != nil {
		return nil, err
	}
	if event.Query["deaf"] == "" {
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	} else {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	return map[string]int{"slept": ms}, nil
}

func describe(ctx context.Context) map[string]any {
	c := fn.FromContext(ctx)
	var traceparent any
	if c.Traceparent != "" {
		traceparent = c.Traceparent
	}
	return map[string]any{
		"requestId": c.RequestID, "function": c.Function, "revision": c.Revision, "tenant": c.Tenant, "traceparent": traceparent,
		"remainingMs": time.Until(c.Deadline).Milliseconds(), "deadline": c.Deadline.UnixMilli(),
	}
}
