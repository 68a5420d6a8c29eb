package fn

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// Handler is the function a tenant writes.
type Handler func(ctx context.Context, event Event) (any, error)

// gone is the answer to nobody: the caller hung up while waiting.
const gone = 499

// invoker runs the handler: slots, waiting line, deadlines.
type invoker struct {
	handler  Handler
	settings settings
	// Closed when the grace period is over: every wait and every run ends as if its time were over.
	expired chan struct{}

	mu           sync.Mutex
	waiting      list.List // of chan struct{}, closed when the slot is theirs
	waitingBytes int
	occupied     int // handlers that have not ended, those beyond their deadline included
	running      int
}

func newInvoker(handler Handler, s settings) *invoker {
	return &invoker{handler: handler, settings: s, expired: make(chan struct{})}
}

func (i *invoker) busy() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.running + i.waiting.Len()
}

// stuck: every slot is held by a handler that went on beyond its deadline; only a restart helps.
func (i *invoker) stuck() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.settings.concurrency > 0 && i.occupied >= i.settings.concurrency && i.running == 0
}

func (i *invoker) timeLeft(callerDeadline time.Time) time.Duration {
	left := i.settings.timeout
	if !callerDeadline.IsZero() {
		left = min(left, time.Until(callerDeadline))
	}
	return left
}

// invoke answers one request. ran is nil when the handler did not run.
func (i *invoker) invoke(caller context.Context, fc *Context, event Event, requestBytes int, callerDeadline time.Time) (result answer, ran *time.Duration) {
	if refused := i.acquire(caller, requestBytes, callerDeadline); refused != nil {
		return *refused, nil
	}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), contextKey{}, fc), i.timeLeft(callerDeadline))
	defer cancel()
	fc.Deadline, _ = ctx.Deadline()
	type outcome struct {
		answer answer
		ran    time.Duration
		late   bool
	}
	ended := make(chan outcome, 1)
	started := time.Now()
	go func() {
		defer i.release()
		answer, ran, err := i.run(ctx, event, started)
		late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil
		if err != nil && !late {
			platformLog.Error("handler failed: "+err.Error(), "requestId", fc.RequestID, "type", errorType(err))
		}
		ended <- outcome{answer, ran, late}
	}()
	select {
	case out := <-ended:
		if !out.late {
			i.answered()
			return out.answer, &out.ran
		}
	case <-ctx.Done():
	case <-i.expired:
	}
	i.answered()
	took := time.Since(started)
	platformLog.Error("handler ran out of time", "requestId", fc.RequestID, "ms", took.Milliseconds())
	return errorAnswer(http.StatusGatewayTimeout, "Timeout", fmt.Sprintf("The function did not finish within %d ms.", took.Milliseconds()), "handler"), &took
}

func (i *invoker) run(ctx context.Context, event Event, started time.Time) (result answer, ran time.Duration, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			ran = time.Since(started)
			platformLog.Error(fmt.Sprintf("handler panicked: %v", cause), "requestId", FromContext(ctx).RequestID, "stack", string(debug.Stack()))
			result = errorAnswer(http.StatusInternalServerError, "Panic", fmt.Sprint(cause), "handler")
		}
	}()
	value, err := i.handler(ctx, event)
	ran = time.Since(started)
	if err == nil {
		result, err = returnedAnswer(value)
	}
	if err != nil {
		result = errorAnswer(http.StatusInternalServerError, errorType(err), err.Error(), "handler")
	}
	return result, ran, err
}

// acquire takes a slot, or says why there is none.
func (i *invoker) acquire(caller context.Context, requestBytes int, callerDeadline time.Time) *answer {
	left := i.timeLeft(callerDeadline)
	if left <= 0 {
		refused := errorAnswer(http.StatusGatewayTimeout, "Timeout", "The caller's deadline had passed before the function could start.", "platform")
		return &refused
	}
	i.mu.Lock()
	if i.settings.concurrency == 0 || i.occupied < i.settings.concurrency {
		i.occupied++
		i.running++
		i.mu.Unlock()
		return nil
	}
	if i.waiting.Len() >= maxWaiting || i.waitingBytes+requestBytes > maxWaitingBytes {
		i.mu.Unlock()
		refused := errorAnswer(http.StatusServiceUnavailable, "Overloaded", "Too many requests wait for this instance already.", "platform")
		refused.headers.Set("retry-after", "1")
		return &refused
	}
	turn := make(chan struct{})
	place := i.waiting.PushBack(turn)
	i.waitingBytes += requestBytes
	i.mu.Unlock()
	return i.wait(caller, turn, place, requestBytes, left)
}

func (i *invoker) wait(caller context.Context, turn chan struct{}, place *list.Element, requestBytes int, left time.Duration) *answer {
	timer := time.NewTimer(left)
	defer timer.Stop()
	refused := errorAnswer(http.StatusGatewayTimeout, "Timeout", "No slot became free in time; the function did not run.", "platform")
	select {
	case <-turn:
	case <-timer.C:
	case <-i.expired:
	case <-caller.Done():
		refused = answer{status: gone}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waitingBytes -= requestBytes
	select {
	case <-turn: // perhaps in the same moment as the end of the wait: the slot counts
		return nil
	default:
		i.waiting.Remove(place)
		return &refused
	}
}

func (i *invoker) answered() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running--
}

// release frees the slot of a handler that has truly ended, or hands it to the next in line.
func (i *invoker) release() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if next := i.waiting.Front(); next != nil {
		close(i.waiting.Remove(next).(chan struct{}))
		i.running++
		return
	}
	i.occupied--
}
