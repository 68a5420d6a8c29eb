package pool

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	tokenLength = 43
	// Largest specialization: code, environment and secret files together. The code goes to disk as it comes.
	maxBodyBytes = 96 << 20
	maxHeadBytes = 12 << 20
	headTimeout  = 30 * time.Second
	bodyTimeout  = 60 * time.Second
)

// Waiting is an instance without a function: it answers /healthz, takes one specialization, refuses all else.
type Waiting struct {
	Token         string
	CodeFolder    string
	SecretsFolder string
	listener      *net.TCPListener
	taken         atomic.Bool
	failed        chan string
}

type order struct {
	Facts       map[string]string `json:"facts"`
	Environment map[string]string `json:"environment"`
	// <secret>/<KEY> to its bytes.
	SecretFiles map[string][]byte `json:"secretFiles"`
}

// Run waits until this process has become a function, or ends it. Only a failure to listen returns.
func (w *Waiting) Run(host string, port int) error {
	if len(w.Token) != tokenLength {
		return fmt.Errorf("FNPLANE_POOL_TOKEN is not a token of 256 bits")
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("cannot listen on port %d: %v", port, err)
	}
	w.listener = listener.(*net.TCPListener)
	w.failed = make(chan string, 1)
	server := &http.Server{Handler: w, ReadHeaderTimeout: headTimeout, ReadTimeout: bodyTimeout, IdleTimeout: 120 * time.Second, MaxHeaderBytes: 16<<10 - 4096, ErrorLog: log.New(io.Discard, "", 0)}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() { _ = server.Serve(listener) }()
	fmt.Fprintf(os.Stderr, `{"time":%q,"level":"info","message":"ready in the pool","port":%d}`+"\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), w.listener.Addr().(*net.TCPAddr).Port)
	select {
	case <-stop:
		os.Exit(0)
	case words := <-w.failed:
		fmt.Fprintln(os.Stderr, words)
		os.Exit(1)
	}
	return nil
}

func refuse(rw http.ResponseWriter, status int, kind, message string) {
	body, _ := json.Marshal(map[string]any{"error": map[string]string{"type": kind, "message": message}})
	rw.Header().Set("Content-Type", "application/json")
	// With its length the answer is whole once it is flushed: without, its end would only follow when the handler returns, and the process may be gone by then.
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	rw.Header().Set("X-Fnplane-Error-Source", "platform")
	rw.WriteHeader(status)
	_, _ = rw.Write(body)
}

func (w *Waiting) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/healthz":
		rw.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(rw, "ok\n")
	case r.URL.Path == Path && r.Method == http.MethodPost:
		w.specialize(rw, r)
	default:
		rw.Header().Set("Retry-After", "1")
		refuse(rw, http.StatusServiceUnavailable, "NotSpecialized", "This instance has no function yet.")
	}
}

func (w *Waiting) specialize(rw http.ResponseWriter, r *http.Request) {
	given, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !isBearer || subtle.ConstantTimeCompare([]byte(given), []byte(w.Token)) != 1 {
		refuse(rw, http.StatusUnauthorized, "Unauthorized", "The token is missing or wrong.")
		return
	}
	if r.ContentLength < 0 || r.ContentLength > maxBodyBytes {
		refuse(rw, http.StatusRequestEntityTooLarge, "RequestRefused", fmt.Sprintf("The body is larger than %d bytes, or its length is not said.", maxBodyBytes))
		return
	}
	if !w.taken.CompareAndSwap(false, true) {
		refuse(rw, http.StatusConflict, "AlreadySpecialized", "This instance is taken already.")
		return
	}
	// From here on connections wait in the kernel, for the function.
	_ = w.listener.SetDeadline(time.Unix(1, 0))
	ordered, err := w.install(r.Body)
	if err == nil {
		err = w.become(rw, ordered)
	}
	// What is left of the body is read: with unread bytes the kernel would reset the connection at our end, and the answer be lost.
	_, _ = io.Copy(io.Discard, r.Body)
	refuse(rw, http.StatusUnprocessableEntity, "StartupFailed", err.Error())
	_ = http.NewResponseController(rw).Flush()
	w.failed <- err.Error()
}

// become leaves this process to the function's binary. It returns only where that cannot be.
func (w *Waiting) become(rw http.ResponseWriter, ordered order) error {
	listening, err := w.listener.SyscallConn()
	if err != nil {
		return err
	}
	listenerFd, err := inheritable(listening)
	if err != nil {
		return err
	}
	binary := filepath.Join(w.CodeFolder, "handler")
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("exec: %q: no such file in the function's code", binary)
	}
	connection, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return err
	}
	caller = connection
	callerFd := -1
	if raw, err := connection.(*net.TCPConn).SyscallConn(); err == nil {
		if callerFd, err = inheritable(raw); err != nil {
			callerFd = -1
		}
	}
	environment := append(environmentOf(ordered), fmt.Sprintf("%s=%d", listenerFile, listenerFd), fmt.Sprintf("%s=%d", callerFile, callerFd))
	err = fmt.Errorf("exec: %q: %v", binary, syscall.Exec(binary, []string{binary}, environment))
	Failed(err.Error())
	w.failed <- err.Error()
	select {} // the process is being ended
}

// inheritable duplicates an open file so that the next binary has it.
func inheritable(raw syscall.RawConn) (int, error) {
	number, failure := -1, error(nil)
	err := raw.Control(func(fd uintptr) { number, failure = syscall.Dup(int(fd)) })
	if err != nil {
		return -1, err
	}
	return number, failure
}

// environmentOf is this process's environment under that of the function, as a container of its own would have it.
func environmentOf(ordered order) []string {
	merged := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		merged[name] = value
	}
	for name, value := range ordered.Environment {
		merged[name] = value
	}
	for name, value := range ordered.Facts {
		merged[name] = value
	}
	entries := make([]string, 0, len(merged))
	for name, value := range merged {
		entries = append(entries, name+"="+value)
	}
	return entries
}
