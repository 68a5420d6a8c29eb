package fn

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Upper bounds of the duration histogram; the same in the three runtimes.
var buckets = []time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second,
}

func newID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
}

// metrics are the counters of one process life, in whole numbers.
type metrics struct {
	instance string

	mu            sync.Mutex
	requests      map[int]int64
	invocations   int64
	billedMs      int64
	requestBytes  int64
	responseBytes int64
	duration      time.Duration
	counts        []int64
}

func newMetrics() *metrics {
	return &metrics{instance: newID(), requests: map[int]int64{}, counts: make([]int64, len(buckets)+1)}
}

func (m *metrics) countRequest(status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[status]++
}

// countInvocation adds one run of the handler; billed time is rounded up to a full millisecond.
func (m *metrics) countInvocation(ran time.Duration, requestBytes, responseBytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invocations++
	m.billedMs += max(1, int64((ran+time.Millisecond-1)/time.Millisecond))
	m.requestBytes += int64(requestBytes)
	m.responseBytes += int64(responseBytes)
	m.duration += ran
	m.counts[sort.Search(len(buckets), func(i int) bool { return ran <= buckets[i] })]++
}

// text is the state as Prometheus text.
func (m *metrics) text(inFlight int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	describe := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	describe("function_instance_info", "gauge", "Names this life of the process.")
	fmt.Fprintf(&b, "function_instance_info{instance=%q} 1\n", m.instance)
	describe("http_requests_total", "counter", "Answers by status code, but for /healthz and /metrics.")
	statuses := make([]int, 0, len(m.requests))
	for status := range m.requests {
		statuses = append(statuses, status)
	}
	sort.Ints(statuses)
	for _, status := range statuses {
		fmt.Fprintf(&b, "http_requests_total{status=\"%d\"} %d\n", status, m.requests[status])
	}
	for _, one := range []struct {
		name, help string
		value      int64
	}{
		{"function_invocations_total", "Runs of the handler that have ended.", m.invocations},
		{"function_billed_ms_total", "Handler time in ms, each run rounded up.", m.billedMs},
		{"function_request_bytes_total", "Body bytes of requests that ran the handler.", m.requestBytes},
		{"function_response_bytes_total", "Body bytes of their answers.", m.responseBytes},
	} {
		describe(one.name, "counter", one.help)
		fmt.Fprintf(&b, "%s %d\n", one.name, one.value)
	}
	describe("function_in_flight", "gauge", "Requests being run or waiting for a slot.")
	fmt.Fprintf(&b, "function_in_flight %d\n", inFlight)
	describe("function_duration_seconds", "histogram", "Time in the handler.")
	var total int64
	for index, count := range m.counts {
		total += count
		bound := "+Inf"
		if index < len(buckets) {
			bound = strconv.FormatFloat(buckets[index].Seconds(), 'g', -1, 64)
		}
		fmt.Fprintf(&b, "function_duration_seconds_bucket{le=%q} %d\n", bound, total)
	}
	fmt.Fprintf(&b, "function_duration_seconds_sum %d.%09d\nfunction_duration_seconds_count %d\n",
		m.duration/time.Second, m.duration%time.Second, m.invocations)
	return b.String()
}

// terminationMessage holds the last totals as the platform reads them from the pod's status.
func (m *metrics) terminationMessage() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	type totals struct {
		Invocations   int64 `json:"invocations"`
		BilledMs      int64 `json:"billedMs"`
		RequestBytes  int64 `json:"requestBytes"`
		ResponseBytes int64 `json:"responseBytes"`
	}
	message, _ := json.Marshal(struct {
		Fnplane  int    `json:"fnplane"`
		Instance string `json:"instance"`
		Totals   totals `json:"totals"`
	}{1, m.instance, totals{m.invocations, m.billedMs, m.requestBytes, m.responseBytes}})
	return message
}
