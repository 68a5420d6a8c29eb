// Command fnplane-policy is the last of the network plugins that set a pod up: it lets the pod start once its
// NetworkPolicies are in place. It changes nothing itself and hands on the result of the plugin before it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

type config struct {
	CNIVersion string          `json:"cniVersion"`
	Socket     string          `json:"socket"`
	PrevResult json.RawMessage `json:"prevResult"`
}

type result struct {
	IPs []struct {
		Address string `json:"address"`
	} `json:"ips"`
}

const (
	timeout       = 20 * time.Second
	retryInterval = 50 * time.Millisecond
)

func main() {
	version, err := run(os.Getenv("CNI_COMMAND"), os.Stdin, os.Stdout)
	if err == nil {
		return
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"cniVersion": version, "code": 11, "msg": "fnplane-policy: " + err.Error()})
	os.Exit(1)
}

func run(command string, input io.Reader, output io.Writer) (string, error) {
	if command == "VERSION" {
		return "", json.NewEncoder(output).Encode(map[string]any{"cniVersion": "0.4.0", "supportedVersions": []string{"0.3.1", "0.4.0", "1.0.0"}})
	}
	var given config
	if err := json.NewDecoder(input).Decode(&given); err != nil {
		return "0.4.0", fmt.Errorf("configuration: %w", err)
	}
	// A pod that is deleted or stops is seen by the enforcer itself.
	if command != "ADD" {
		return given.CNIVersion, nil
	}
	var before result
	if err := json.Unmarshal(given.PrevResult, &before); err != nil || len(before.IPs) == 0 {
		return given.CNIVersion, errors.New("the plugin before gave the pod no address")
	}
	prefix, err := netip.ParsePrefix(before.IPs[0].Address)
	if err != nil {
		return given.CNIVersion, err
	}
	if err := announce(given.Socket, arguments(os.Getenv("CNI_ARGS")), prefix.Addr()); err != nil {
		return given.CNIVersion, err
	}
	_, err = output.Write(given.PrevResult)
	return given.CNIVersion, err
}

// arguments reads K8S_POD_NAME=a;K8S_POD_NAMESPACE=b
func arguments(text string) map[string]string {
	found := map[string]string{}
	for _, part := range strings.Split(text, ";") {
		if key, value, ok := strings.Cut(part, "="); ok {
			found[key] = value
		}
	}
	return found
}

// announce waits for the enforcer's word. One that is just starting is waited for.
func announce(socket string, pod map[string]string, ip netip.Addr) error {
	end := time.Now().Add(timeout)
	connection, err := net.Dial("unix", socket)
	for err != nil && time.Now().Before(end) {
		time.Sleep(retryInterval)
		connection, err = net.Dial("unix", socket)
	}
	if err != nil {
		return err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(timeout))
	said := map[string]string{"namespace": pod["K8S_POD_NAMESPACE"], "name": pod["K8S_POD_NAME"], "uid": pod["K8S_POD_UID"], "ip": ip.String()}
	if err := json.NewEncoder(connection).Encode(said); err != nil {
		return err
	}
	answer, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return err
	}
	if problem := strings.TrimSpace(answer); problem != "" {
		return errors.New(problem)
	}
	return nil
}
