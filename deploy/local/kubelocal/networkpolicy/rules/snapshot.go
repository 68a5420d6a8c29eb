// Package rules turns NetworkPolicies into packet filter rules. It is pure: a snapshot of the cluster in, a ruleset out.
package rules

import (
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"
)

// Pod is what policies see of a pod that has an address of its own.
type Pod struct {
	Namespace string
	Name      string
	Labels    map[string]string
	IP        netip.Addr
	Ports     []NamedPort
}

// NamedPort is a container port that policies may call by name.
type NamedPort struct {
	Name     string
	Protocol string // TCP, UDP or SCTP
	Number   int32
}

// Wire is a pod's end of the node's network: packets from this interface come from this address or are forged.
type Wire struct {
	IP        netip.Addr
	Interface string
}

// Snapshot is all that the rules depend on.
type Snapshot struct {
	PodCIDR    netip.Prefix
	Pods       []Pod
	Wires      []Wire
	Namespaces map[string]map[string]string // name to labels
	Policies   []*networkingv1.NetworkPolicy
}
