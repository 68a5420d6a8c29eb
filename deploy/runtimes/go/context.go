package fn

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"time"
)

// Context is what the platform knows about the invocation at hand.
type Context struct {
	RequestID string
	Function  string
	Revision  int
	Tenant    string
	// Deadline is when the caller is told that time is over; the context.Context ends with it.
	Deadline time.Time
	// Traceparent and Tracestate as the caller sent them (W3C trace context), or empty.
	Traceparent string
	Tracestate  string
	// Logger writes JSON lines with the request id to standard output.
	Logger *slog.Logger
}

type contextKey struct{}

// FromContext gives the invocation's Context. Outside of one it is empty, with slog's default logger.
func FromContext(ctx context.Context) *Context {
	if found, ok := ctx.Value(contextKey{}).(*Context); ok {
		return found
	}
	return &Context{Logger: slog.Default()}
}

func newLogger(out io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return attr
			}
			switch attr.Key {
			case slog.MessageKey:
				attr.Key = "message"
			case slog.TimeKey:
				attr.Value = slog.StringValue(attr.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
			case slog.LevelKey:
				attr.Value = slog.StringValue(strings.ToLower(attr.Value.String()))
			}
			return attr
		},
	}))
}

// invocationHandler adds the request id of the invocation that a record's context belongs to.
type invocationHandler struct{ slog.Handler }

func (h invocationHandler) Handle(ctx context.Context, record slog.Record) error {
	if found, ok := ctx.Value(contextKey{}).(*Context); ok {
		record = record.Clone()
		record.AddAttrs(slog.String("requestId", found.RequestID))
	}
	return h.Handler.Handle(ctx, record)
}

func (h invocationHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return invocationHandler{h.Handler.WithAttrs(attrs)}
}

func (h invocationHandler) WithGroup(name string) slog.Handler {
	return invocationHandler{h.Handler.WithGroup(name)}
}

// captureLogs makes slog's default logger write JSON lines, so that slog.InfoContext(ctx, ...) carries the request id. Lines of package log stay as they are.
func captureLogs() {
	out, flags, prefix := log.Writer(), log.Flags(), log.Prefix()
	slog.SetDefault(slog.New(invocationHandler{handlerLog.Handler()}))
	log.SetOutput(out)
	log.SetFlags(flags)
	log.SetPrefix(prefix)
}

var (
	handlerLog  = newLogger(os.Stdout)
	platformLog = newLogger(os.Stderr)
)

func newContext(s settings, requestID string, headers map[string]string) *Context {
	return &Context{
		RequestID:   requestID,
		Function:    s.function,
		Revision:    s.revision,
		Tenant:      s.tenant,
		Traceparent: headers["traceparent"],
		Tracestate:  headers["tracestate"],
		Logger:      handlerLog.With("requestId", requestID, "function", s.function, "revision", s.revision),
	}
}
