package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"k8s.io/klog/v2"
)

// announcement is what the network plugin says of a pod that is about to start: one line of JSON.
type announcement struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	UID       string     `json:"uid"`
	IP        netip.Addr `json:"ip"`
}

const announcementTimeout = 15 * time.Second

// serve answers announcements until the context ends. The answer, an empty line or a problem, comes when the rules are in place.
func serve(ctx context.Context, path string, to *enforcer) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		go answer(ctx, connection, to)
	}
}

func answer(ctx context.Context, connection net.Conn, to *enforcer) {
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, announcementTimeout)
	defer cancel()
	_ = connection.SetDeadline(time.Now().Add(announcementTimeout + time.Second))
	var said announcement
	problem := json.NewDecoder(connection).Decode(&said)
	if problem == nil {
		problem = to.admit(ctx, said.Namespace, said.Name, said.UID, said.IP)
	}
	text := ""
	if problem != nil {
		klog.ErrorS(problem, "Pod not admitted to the network", "namespace", said.Namespace, "pod", said.Name, "ip", said.IP)
		text = problem.Error()
	}
	_, _ = fmt.Fprintln(connection, text)
}
