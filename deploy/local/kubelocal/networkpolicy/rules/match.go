package rules

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// block renders a range of addresses without its exceptions. Pods have no IPv6 address here: such a block matches nothing.
func block(field string, ipBlock *networkingv1.IPBlock) (match, bool) {
	cidr, err := netip.ParsePrefix(ipBlock.CIDR)
	if err != nil || !cidr.Addr().Is4() {
		return match{}, false
	}
	conditions := []string{field + " " + cidr.Masked().String()}
	for _, text := range ipBlock.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil {
			return match{}, false
		}
		if except.Addr().Is4() {
			conditions = append(conditions, field+" != "+except.Masked().String())
		}
	}
	return match{text: strings.Join(conditions, " ")}, true
}

// port renders a port of a rule. A name means, for each of its owners, the number that this pod gives it.
func (c *compiler) port(port networkingv1.NetworkPolicyPort, owners []int) (string, bool) {
	protocol := string(corev1.ProtocolTCP)
	if port.Protocol != nil {
		protocol = string(*port.Protocol)
	}
	nft := strings.ToLower(protocol)
	switch {
	case port.Port == nil:
		return "meta l4proto " + nft, true
	case port.Port.Type == intstr.Int && port.EndPort != nil:
		return fmt.Sprintf("%s dport %d-%d", nft, port.Port.IntVal, *port.EndPort), true
	case port.Port.Type == intstr.Int:
		return fmt.Sprintf("%s dport %d", nft, port.Port.IntVal), true
	}
	type target struct{ ip, number string }
	var targets []target
	for _, owner := range owners {
		pod := c.snapshot.Pods[owner]
		for _, named := range pod.Ports {
			if named.Name == port.Port.StrVal && named.Protocol == protocol {
				targets = append(targets, target{pod.IP.String(), strconv.Itoa(int(named.Number))})
			}
		}
	}
	if len(targets) == 0 {
		return "", false
	}
	set := "ports-" + identifier(fmt.Sprint(protocol, port.Port.StrVal, targets))
	c.out.addSet(set, portType, false)
	for _, to := range targets {
		c.out.addElement(set, "", to.ip, nft, to.number)
	}
	return "ip daddr . meta l4proto . th dport @" + set, true
}
