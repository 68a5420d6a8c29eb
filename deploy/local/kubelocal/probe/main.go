// Command probe is a pod for tests of the network: it listens, and at request dials or resolves from where it runs.
//
//	GET /dial?network=tcp&address=10.0.0.1:80   {"connected":true}
//	GET /resolve?name=kubernetes.default        {"addresses":["10.96.0.1"]}
//
// It listens on TCP 8080 (HTTP) and on each of PROBE_TCP and PROBE_UDP (lists of ports) as an echo.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	defaultTimeout = 1500 * time.Millisecond
	bufferSize     = 1500
)

func main() {
	for _, port := range ports("PROBE_TCP") {
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			log.Fatal(err)
		}
		go echoStreams(listener)
	}
	for _, port := range ports("PROBE_UDP") {
		socket, err := net.ListenPacket("udp", ":"+port)
		if err != nil {
			log.Fatal(err)
		}
		go echoPackets(socket)
	}
	http.HandleFunc("/dial", func(w http.ResponseWriter, r *http.Request) {
		err := dial(r.URL.Query().Get("network"), r.URL.Query().Get("address"), timeout(r))
		answer(w, map[string]any{"connected": err == nil, "error": text(err)})
	})
	http.HandleFunc("/resolve", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout(r))
		defer cancel()
		addresses, err := net.DefaultResolver.LookupHost(ctx, r.URL.Query().Get("name"))
		answer(w, map[string]any{"addresses": addresses, "error": text(err)})
	})
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func ports(variable string) []string { return strings.Fields(os.Getenv(variable)) }

func timeout(r *http.Request) time.Duration {
	if given, err := time.ParseDuration(r.URL.Query().Get("timeout")); err == nil {
		return given
	}
	return defaultTimeout
}

// dial proves that packets go there and come back: a datagram must be echoed.
func dial(network, address string, within time.Duration) error {
	connection, err := net.DialTimeout(network, address, within)
	if err != nil {
		return err
	}
	defer connection.Close()
	if network != "udp" {
		return nil
	}
	_ = connection.SetDeadline(time.Now().Add(within))
	if _, err := connection.Write([]byte("probe")); err != nil {
		return err
	}
	received, err := connection.Read(make([]byte, bufferSize))
	if err == nil && received == 0 {
		err = errors.New("empty echo")
	}
	return err
}

func echoStreams(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			_, _ = io.Copy(connection, connection)
		}()
	}
}

func echoPackets(socket net.PacketConn) {
	buffer := make([]byte, bufferSize)
	for {
		size, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = socket.WriteTo(buffer[:size], from)
	}
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("content-type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
