package fn

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"fnplane.dev/fn/internal/pool"
)

var requestIDForm = regexp.MustCompile(`^[\x21-\x7e]{1,200}$`)

// server is HTTP around the invoker.
type server struct {
	settings settings
	metrics  *metrics
	invoker  *invoker
	draining atomic.Bool
	// Specialized out of a warm pool: the path of specialization is the platform's, not the handler's.
	pooled bool
	// Requests being read, run or answered.
	open atomic.Int64
	// Told (without waiting) whenever one of them is over.
	over chan struct{}
}

// callerDeadline reads x-fnplane-deadline (Unix ms); a value that is no number is ignored.
func callerDeadline(headers map[string]string) time.Time {
	text := headers["x-fnplane-deadline"]
	if ms, err := strconv.ParseUint(text, 10, 63); err == nil && len(text) <= 15 {
		return time.UnixMilli(int64(ms))
	}
	return time.Time{}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.close()
	if path, _ := splitTarget(r); path == "/healthz" || path == "/metrics" {
		s.write(w, s.own(path, r.Method))
		return
	} else if s.pooled && path == pool.Path {
		s.write(w, errorAnswer(http.StatusConflict, "AlreadySpecialized", "This instance serves "+s.settings.servedBy+" already.", "platform"))
		return
	}
	headers := joinHeaders(r)
	requestID := headers["x-request-id"]
	if !requestIDForm.MatchString(requestID) {
		requestID = newID()
	}
	if r.ContentLength > maxBodyBytes {
		w.Header().Set("Connection", "close")
		s.send(w, requestID, unreadable(&http.MaxBytesError{Limit: maxBodyBytes}))
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err != nil {
		s.send(w, requestID, unreadable(err))
		return
	}
	// Reading is over: its deadline must not end a long invocation.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	event, err := buildEvent(r, headers, raw, requestID)
	if err != nil {
		var refused *refusal
		errors.As(err, &refused)
		s.send(w, requestID, errorAnswer(refused.status, refused.kind, refused.message, "platform"))
		return
	}
	result, ran := s.invoker.invoke(r.Context(), newContext(s.settings, requestID, headers), event, len(raw), callerDeadline(headers))
	if ran != nil {
		responseBytes := len(result.body)
		if r.Method == http.MethodHead {
			responseBytes = 0
		}
		s.metrics.countInvocation(*ran, len(raw), responseBytes)
	}
	s.send(w, requestID, result)
}

func (s *server) close() {
	s.open.Add(-1)
	select {
	case s.over <- struct{}{}:
	default:
	}
}

func unreadable(err error) answer {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errorAnswer(http.StatusRequestEntityTooLarge, "RequestRefused", "The body is larger than "+strconv.Itoa(maxBodyBytes)+" bytes.", "platform")
	}
	return errorAnswer(http.StatusBadRequest, "RequestRefused", "The body could not be read.", "platform")
}

func (s *server) send(w http.ResponseWriter, requestID string, result answer) {
	s.metrics.countRequest(result.status)
	if result.status == gone {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Request-Id", requestID)
	w.Header().Set("X-Fnplane-Served-By", s.settings.servedBy)
	s.write(w, result)
}

func (s *server) write(w http.ResponseWriter, result answer) {
	for name, values := range result.headers {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if result.status != http.StatusNoContent && result.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(result.body)))
		if len(result.headers["Content-Type"]) == 0 {
			w.Header()["Content-Type"] = nil // or net/http would guess one
		}
	}
	if s.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(result.status)
	_, _ = w.Write(result.body)
}

func (s *server) own(path, method string) answer {
	text := func(status int, kind, body string) answer {
		return answer{status, http.Header{"Content-Type": {kind}}, []byte(body)}
	}
	switch {
	case method != http.MethodGet && method != http.MethodHead:
		refused := errorAnswer(http.StatusMethodNotAllowed, "MethodNotAllowed", path+" answers GET only.", "platform")
		refused.headers.Set("allow", "GET, HEAD")
		return refused
	case path == "/metrics":
		return text(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", s.metrics.text(s.invoker.busy()))
	case s.invoker.stuck():
		return text(http.StatusServiceUnavailable, "text/plain", "every slot is held by a handler that ran out of time\n")
	}
	return text(http.StatusOK, "text/plain", "ok\n")
}
