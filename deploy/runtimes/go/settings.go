package fn

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// Limits that the three runtimes share.
const (
	// Largest request body; larger ones are answered 413.
	maxBodyBytes = 16 << 20
	// Largest request line plus headers; larger ones are answered 431. net/http adds 4 KiB to what it is told.
	maxHeadBytes = 16<<10 - 4096
	// Requests that may wait for a free slot, and the bytes their bodies may hold together; beyond either: 503.
	maxWaiting      = 1000
	maxWaitingBytes = 32 << 20
	// A connection may stay idle, take for its headers, or take for a whole request this long.
	idleTimeout    = 120 * time.Second
	headTimeout    = 30 * time.Second
	requestTimeout = 120 * time.Second
	// After SIGTERM, connections that are open but idle get this long to bring a request that was already on its way.
	linger = 250 * time.Millisecond
)

type settings struct {
	port           int
	host           string
	tenant         string
	function       string
	revision       int
	timeout        time.Duration
	concurrency    int
	grace          time.Duration
	terminationLog string
	servedBy       string
}

func integer(name string, fallback, minimum int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return fallback, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < minimum {
		return 0, fmt.Errorf("%s is %q, not a whole number of at least %d", name, text, minimum)
	}
	return value, nil
}

func text(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// readSettings reads the environment once.
func readSettings() (settings, error) {
	s := settings{
		host:           os.Getenv("FNPLANE_HOST"),
		tenant:         os.Getenv("FNPLANE_TENANT"),
		function:       text("FNPLANE_FUNCTION", "function"),
		terminationLog: text("FNPLANE_TERMINATION_LOG", "/dev/termination-log"),
	}
	var timeoutMs, graceMs int
	for _, one := range []struct {
		name              string
		fallback, minimum int
		into              *int
	}{
		{"PORT", 8080, 0, &s.port},
		{"FNPLANE_REVISION", 0, 0, &s.revision},
		{"FNPLANE_TIMEOUT_MS", 30_000, 1, &timeoutMs},
		{"FNPLANE_CONCURRENCY", 0, 0, &s.concurrency},
		{"FNPLANE_GRACE_MS", 25_000, 0, &graceMs},
	} {
		value, err := integer(one.name, one.fallback, one.minimum)
		if err != nil {
			return settings{}, err
		}
		*one.into = value
	}
	s.timeout = time.Duration(timeoutMs) * time.Millisecond
	s.grace = time.Duration(graceMs) * time.Millisecond
	s.servedBy = fmt.Sprintf("%s@%d", s.function, s.revision)
	return s, nil
}
