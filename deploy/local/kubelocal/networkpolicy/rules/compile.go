package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/knftables"
)

// Names of the table's fixed parts.
const (
	podsSet    = "pods"    // addresses whose policies are known
	selfSet    = "self"    // each address with itself: no policy keeps a pod from itself
	wiresSet   = "wires"   // interface and the one address behind it
	linksSet   = "links"   // those interfaces
	egressMap  = "egress"  // pods isolated for egress, and their chain
	ingressMap = "ingress" // pods isolated for ingress, and their chain

	fromPodChain   = "from-pod"
	toPodChain     = "to-pod"
	fromHereChain  = "egress-allowed"
	forgedChain    = "forged"
	inputHookName  = "input"
	forwardHook    = "forward"
	addressType    = "ipv4_addr"
	portType       = "ipv4_addr . inet_proto . inet_service"
	commentLimit   = 120
	identifierSize = 12
)

type compiler struct {
	snapshot Snapshot
	out      Ruleset
	// policiesOf lists, for a direction and a pod's index, the chains of the policies that select it.
	policiesOf map[networkingv1.PolicyType]map[int][]string
}

// Compile renders a snapshot's rules.
//
// A packet from a pod passes the pod's egress rules first and, where it goes to a pod, that one's ingress rules. Every
// chain of policies ends with a verdict: allowed by one of them, or dropped. Addresses of the pod range that belong to
// no known pod are cut off, so a pod whose policies are not known yet cannot speak.
func Compile(snapshot Snapshot) Ruleset {
	c := compiler{
		snapshot:   snapshot,
		out:        newRuleset(),
		policiesOf: map[networkingv1.PolicyType]map[int][]string{networkingv1.PolicyTypeIngress: {}, networkingv1.PolicyTypeEgress: {}},
	}
	c.frame()
	for _, policy := range sortedPolicies(snapshot.Policies) {
		c.policy(policy)
	}
	c.isolate(networkingv1.PolicyTypeIngress, ingressMap)
	c.isolate(networkingv1.PolicyTypeEgress, egressMap)
	return c.out
}

func (c *compiler) frame() {
	for _, name := range []string{podsSet} {
		c.out.addSet(name, addressType, false)
	}
	c.out.addSet(selfSet, "ipv4_addr . ipv4_addr", false)
	c.out.addSet(wiresSet, "ifname . ipv4_addr", false)
	c.out.addSet(linksSet, "ifname", false)
	c.out.addSet(egressMap, addressType, true)
	c.out.addSet(ingressMap, addressType, true)
	for _, pod := range c.snapshot.Pods {
		ip := pod.IP.String()
		c.out.addElement(podsSet, "", ip)
		c.out.addElement(selfSet, "", ip, ip)
	}
	for _, wire := range c.snapshot.Wires {
		c.out.addElement(wiresSet, "", quote(wire.Interface), wire.IP.String())
		c.out.addElement(linksSet, "", quote(wire.Interface))
	}
	cidr := c.snapshot.PodCIDR.String()
	// Forged packets are looked for before anything else, established connections too.
	forged := []string{
		"iifname @links meta nfproto ipv6 drop",
		"iifname @links iifname . ip saddr != @wires drop",
		"iifname != @links ip saddr " + cidr + " drop",
		"oifname @links meta nfproto ipv6 drop",
	}
	c.out.Chains[forgedChain] = Chain{Rules: forged}
	c.out.Chains[forwardHook] = Chain{Hook: knftables.ForwardHook, Rules: []string{
		"jump " + forgedChain,
		"ct state established,related accept",
		"ip saddr " + cidr + " goto " + fromPodChain,
		"ip daddr " + cidr + " goto " + toPodChain,
	}}
	// What the node itself sends to a pod never comes by here: probes and the gateway on the node reach every pod.
	c.out.Chains[inputHookName] = Chain{Hook: knftables.InputHook, Rules: []string{
		"iifname lo accept",
		"jump " + forgedChain,
		"ct state established,related accept",
		"ip saddr " + cidr + " goto " + fromPodChain,
	}}
	c.out.Chains[fromPodChain] = Chain{Rules: []string{
		"ip saddr != @" + podsSet + " drop",
		"ip saddr . ip daddr @" + selfSet + " accept",
		"ip saddr vmap @" + egressMap,
		"goto " + fromHereChain,
	}}
	// The node's own addresses on the wires lie in the pod range and are no pods.
	c.out.Chains[fromHereChain] = Chain{Rules: []string{
		"fib daddr type local accept",
		"ip daddr " + cidr + " goto " + toPodChain,
		"accept",
	}}
	c.out.Chains[toPodChain] = Chain{Rules: []string{
		"ip daddr != @" + podsSet + " drop",
		"ip daddr vmap @" + ingressMap,
		"accept",
	}}
}

// policy renders one policy's chains and notes which pods it selects.
func (c *compiler) policy(policy *networkingv1.NetworkPolicy) {
	selected := c.selectPods(&policy.Spec.PodSelector, func(pod Pod) bool { return pod.Namespace == policy.Namespace })
	if len(selected) == 0 {
		return
	}
	title := policy.Namespace + "/" + policy.Name
	if hasType(policy, networkingv1.PolicyTypeIngress) {
		var rules []string
		for _, rule := range policy.Spec.Ingress {
			rules = append(rules, c.rule(policy.Namespace, networkingv1.PolicyTypeIngress, rule.From, rule.Ports, selected)...)
		}
		c.attach(networkingv1.PolicyTypeIngress, "in-"+identifier(title), title, rules, selected)
	}
	if hasType(policy, networkingv1.PolicyTypeEgress) {
		var rules []string
		for _, rule := range policy.Spec.Egress {
			rules = append(rules, c.rule(policy.Namespace, networkingv1.PolicyTypeEgress, rule.To, rule.Ports, selected)...)
		}
		c.attach(networkingv1.PolicyTypeEgress, "out-"+identifier(title), title, rules, selected)
	}
}

func (c *compiler) attach(direction networkingv1.PolicyType, chain, title string, rules []string, selected []int) {
	c.out.Chains[chain] = Chain{Comment: truncate(title), Rules: rules}
	for _, pod := range selected {
		c.policiesOf[direction][pod] = append(c.policiesOf[direction][pod], chain)
	}
}

// isolate gives the pods that policies select their chains: one for all pods that the same policies select.
func (c *compiler) isolate(direction networkingv1.PolicyType, verdictMap string) {
	for pod, chains := range c.policiesOf[direction] {
		name := "isolated-" + identifier(strings.Join(chains, " "))
		if _, exists := c.out.Chains[name]; !exists {
			rules := make([]string, 0, len(chains)+1)
			for _, chain := range chains {
				rules = append(rules, "jump "+chain)
			}
			c.out.Chains[name] = Chain{Rules: append(rules, "drop")}
		}
		c.out.addElement(verdictMap, "goto "+name, c.snapshot.Pods[pod].IP.String())
	}
}

// rule renders one rule: each of its peers with each of its ports. None of either means any.
func (c *compiler) rule(namespace string, direction networkingv1.PolicyType, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, selected []int) []string {
	field, verdict := "ip saddr", "accept"
	if direction == networkingv1.PolicyTypeEgress {
		field, verdict = "ip daddr", "goto "+fromHereChain
	}
	matches := []match{{}}
	if len(peers) > 0 {
		matches = nil
		for i := range peers {
			if found, ok := c.peer(namespace, field, &peers[i]); ok {
				matches = append(matches, found)
			}
		}
	}
	var rules []string
	for _, peer := range matches {
		if len(ports) == 0 {
			rules = append(rules, join(peer.text, verdict))
			continue
		}
		for _, port := range ports {
			owners := selected
			if direction == networkingv1.PolicyTypeEgress {
				owners = peer.pods
				if peer.text == "" {
					owners = allPods(c.snapshot)
				}
			}
			if text, ok := c.port(port, owners); ok {
				rules = append(rules, join(peer.text, text, verdict))
			}
		}
	}
	return rules
}

// match is a condition on a packet's other end, and the pods that it means where it means pods.
type match struct {
	text string
	pods []int
}

func (c *compiler) peer(namespace, field string, peer *networkingv1.NetworkPolicyPeer) (match, bool) {
	if peer.IPBlock != nil {
		return block(field, peer.IPBlock)
	}
	var inNamespace func(Pod) bool
	if peer.NamespaceSelector == nil {
		inNamespace = func(pod Pod) bool { return pod.Namespace == namespace }
	} else {
		selector, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
		if err != nil {
			return match{}, false
		}
		inNamespace = func(pod Pod) bool {
			own, known := c.snapshot.Namespaces[pod.Namespace]
			return known && selector.Matches(labels.Set(own))
		}
	}
	podSelector := peer.PodSelector
	if podSelector == nil {
		podSelector = &metav1.LabelSelector{}
	}
	pods := c.selectPods(podSelector, inNamespace)
	// Named after what selects: when pods come and go, the set's elements change and the rules stay.
	scope := "*" + metav1.FormatLabelSelector(peer.NamespaceSelector)
	if peer.NamespaceSelector == nil {
		scope = namespace
	}
	set := "peers-" + identifier(scope+" "+metav1.FormatLabelSelector(podSelector))
	c.out.addSet(set, addressType, false)
	for _, pod := range pods {
		c.out.addElement(set, "", c.snapshot.Pods[pod].IP.String())
	}
	return match{text: field + " @" + set, pods: pods}, true
}

// selectPods answers the indexes of the pods that a selector and a condition mean. An invalid selector means none.
func (c *compiler) selectPods(selector *metav1.LabelSelector, condition func(Pod) bool) []int {
	wanted, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil
	}
	var found []int
	for index, pod := range c.snapshot.Pods {
		if condition(pod) && wanted.Matches(labels.Set(pod.Labels)) {
			found = append(found, index)
		}
	}
	return found
}

func hasType(policy *networkingv1.NetworkPolicy, wanted networkingv1.PolicyType) bool {
	for _, declared := range policy.Spec.PolicyTypes {
		if declared == wanted {
			return true
		}
	}
	// The API server fills in what is left out, by this rule.
	return len(policy.Spec.PolicyTypes) == 0 && (wanted == networkingv1.PolicyTypeIngress || len(policy.Spec.Egress) > 0)
}

func sortedPolicies(policies []*networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	sorted := append([]*networkingv1.NetworkPolicy(nil), policies...)
	sort.Slice(sorted, func(i, j int) bool {
		return sorted[i].Namespace+"/"+sorted[i].Name < sorted[j].Namespace+"/"+sorted[j].Name
	})
	return sorted
}

func allPods(snapshot Snapshot) []int {
	all := make([]int, len(snapshot.Pods))
	for index := range all {
		all[index] = index
	}
	return all
}

// identifier makes a short name that nftables takes out of any text.
func identifier(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:identifierSize]
}

func quote(text string) string { return fmt.Sprintf("%q", text) }

func truncate(text string) string {
	if len(text) > commentLimit {
		return text[:commentLimit]
	}
	return text
}

func join(parts ...string) string {
	var present []string
	for _, part := range parts {
		if part != "" {
			present = append(present, part)
		}
	}
	return strings.Join(present, " ")
}
