package fn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"fnplane.dev/fn/internal/pool"
)

// Start serves handler until SIGTERM, then finishes what is in flight and ends the process. It does not return.
func Start(handler Handler) {
	if handler == nil {
		fail("the handler given to fn.Start is nil")
	}
	captureLogs()
	s, err := readSettings()
	if err != nil {
		fail(err.Error())
	}
	listener, pooled, err := listen(s)
	if err != nil {
		fail(fmt.Sprintf("cannot listen on port %d: %v", s.port, err))
	}
	serve(handler, s, listener, pooled)
	os.Exit(0)
}

// listen opens the port, or takes the listener over that an instance of a warm pool left to it.
func listen(s settings) (net.Listener, bool, error) {
	inherited, err := pool.Inherit()
	if inherited != nil || err != nil {
		return inherited, true, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.host, strconv.Itoa(s.port)))
	return listener, false, err
}

func fail(message string) {
	pool.Failed(message)
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}

func serve(handler Handler, s settings, listener net.Listener, pooled bool) {
	front := &server{settings: s, pooled: pooled, metrics: newMetrics(), invoker: newInvoker(handler, s), over: make(chan struct{}, 1)}
	var idle atomic.Int64
	httpServer := &http.Server{
		Handler:           front,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeadBytes,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState:         countConnections(&idle),
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		if err := httpServer.Serve(listener); !front.draining.Load() && !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Sprintf("the listener failed: %v", err))
		}
	}()
	pool.Serving(s.servedBy)
	platformLog.Info("serving", "function", s.servedBy, "port", listener.Addr().(*net.TCPAddr).Port)
	<-stop
	drain(front, httpServer, listener, &idle)
	if err := os.WriteFile(s.terminationLog, front.metrics.terminationMessage(), 0o644); err != nil {
		platformLog.Error("the last totals could not be written: " + err.Error())
	}
}

// countConnections keeps in open the number of connections.
func countConnections(open *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}

// drain stops accepting, lets what runs finish within the grace, closes connections.
func drain(front *server, httpServer *http.Server, listener net.Listener, open *atomic.Int64) {
	end := time.Now().Add(front.settings.grace)
	front.draining.Store(true)
	_ = listener.Close()
	if open.Load() > int64(front.invoker.busy()) {
		time.Sleep(min(linger, front.settings.grace))
	}
	if !front.finished(time.After(time.Until(end))) {
		platformLog.Error(fmt.Sprintf("%d requests were cut off at the end of the grace period", front.invoker.busy()))
		close(front.invoker.expired)
		front.finished(time.After(time.Second))
	}
	// The last answers leave; a client that does not read them is not waited for.
	flush, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = httpServer.Shutdown(flush)
}

// finished waits until no request is left, or says false when time is over first.
func (s *server) finished(timeIsOver <-chan time.Time) bool {
	for s.open.Load() > 0 {
		select {
		case <-s.over:
		case <-timeIsOver:
			return false
		}
	}
	return true
}
