// Package pool makes a function out of an instance of a warm pool: the waiting process takes code, environment and secret files, and
// becomes the function's own binary. Listener and the connection that brought the order go over to it as open files.
package pool

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Path is where a waiting instance is told what to become.
const Path = "/.fnplane/specialize"

// Numbers of open files, in the environment of the binary that takes over.
const (
	listenerFile = "FNPLANE_LISTENER_FD"
	callerFile   = "FNPLANE_CALLER_FD"
)

// Who waits to hear that the function serves, if anybody does.
var caller net.Conn

func openFile(name string) *os.File {
	text := os.Getenv(name)
	os.Unsetenv(name)
	number, err := strconv.Atoi(text)
	if err != nil || number < 3 {
		return nil
	}
	return os.NewFile(uintptr(number), name)
}

// Inherit gives the listener that a waiting instance left to this process; nil in a normal start.
func Inherit() (net.Listener, error) {
	listening, calling := openFile(listenerFile), openFile(callerFile)
	if listening == nil {
		return nil, nil
	}
	defer listening.Close()
	if calling != nil {
		caller, _ = net.FileConn(calling)
		calling.Close()
	}
	return net.FileListener(listening)
}

// Serving tells the caller, if there is one, that the function takes requests.
func Serving(servedBy string) {
	respond("200 OK", map[string]string{"function": servedBy})
}

// Failed tells the caller, if there is one, why the function does not.
func Failed(words string) {
	respond("422 Unprocessable Content", map[string]any{"error": map[string]string{"type": "StartupFailed", "message": words}})
}

func respond(status string, value any) {
	if caller == nil {
		return
	}
	body, _ := json.Marshal(value)
	_ = caller.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(caller, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s", status, len(body), body)
	_ = caller.Close()
	caller = nil
}
