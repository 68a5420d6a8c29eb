package rules

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	web      = "10.244.0.11" // namespace shop, app=web
	db       = "10.244.0.12" // namespace shop, app=db
	rival    = "10.244.0.21" // namespace rival, app=web
	dns      = "10.244.0.31" // namespace kube-system, k8s-app=dns
	stranger = "10.244.0.99" // of the pod range, no known pod
	node     = "192.0.2.10"
	world    = "203.0.113.7"
	metadata = "169.254.169.254"
)

func cluster(policies ...*networkingv1.NetworkPolicy) Snapshot {
	pod := func(namespace, ip string, labels map[string]string, ports ...NamedPort) Pod {
		return Pod{Namespace: namespace, Name: "pod-" + ip, Labels: labels, IP: netip.MustParseAddr(ip), Ports: ports}
	}
	snapshot := Snapshot{
		PodCIDR: netip.MustParsePrefix("10.244.0.0/16"),
		Pods: []Pod{
			pod("shop", web, map[string]string{"app": "web"}, NamedPort{"http", "TCP", 8080}),
			pod("shop", db, map[string]string{"app": "db"}, NamedPort{"sql", "TCP", 5432}, NamedPort{"http", "TCP", 9090}),
			pod("rival", rival, map[string]string{"app": "web"}, NamedPort{"http", "TCP", 8081}),
			pod("kube-system", dns, map[string]string{"k8s-app": "dns"}),
		},
		Namespaces: map[string]map[string]string{"shop": {"tenant": "shop"}, "rival": {"tenant": "rival"}, "kube-system": {"kubernetes.io/metadata.name": "kube-system"}},
		Policies:   policies,
	}
	for _, pod := range snapshot.Pods {
		snapshot.Wires = append(snapshot.Wires, Wire{IP: pod.IP, Interface: "wire" + pod.IP.String()})
	}
	return snapshot
}

func policy(name string, spec networkingv1.NetworkPolicySpec) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: spec}
}

func labelled(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func port(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
	value := intstr.FromInt32(number)
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &value}
}

func named(name string) networkingv1.NetworkPolicyPort {
	value := intstr.FromString(name)
	return networkingv1.NetworkPolicyPort{Port: &value}
}

func portRange(from, to int32) networkingv1.NetworkPolicyPort {
	ranged := port(corev1.ProtocolTCP, from)
	ranged.EndPort = &to
	return ranged
}

type (
	spec  = networkingv1.NetworkPolicySpec
	in    = networkingv1.NetworkPolicyIngressRule
	out   = networkingv1.NetworkPolicyEgressRule
	peer  = networkingv1.NetworkPolicyPeer
	ports = []networkingv1.NetworkPolicyPort
)

var (
	both     = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	ingress  = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	egress   = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	denyAll  = policy("deny-all", spec{PolicyTypes: both})
	anything = &metav1.LabelSelector{}
)

// tcp is a packet from a pod, by the wire that is its own, or from the world.
func tcp(from, to string, number int) packet {
	p := packet{from: from, to: to, protocol: "tcp", port: number, local: to == node || to == "10.244.0.1"}
	if netip.MustParsePrefix("10.244.0.0/16").Contains(netip.MustParseAddr(from)) {
		p.wire = "wire" + from
	}
	return p
}

func udp(from, to string, number int) packet {
	p := tcp(from, to, number)
	p.protocol = "udp"
	return p
}

func TestCompiledRulesDecideAsPoliciesSay(t *testing.T) {
	cases := []struct {
		name     string
		policies []*networkingv1.NetworkPolicy
		open     []packet
		closed   []packet
	}{
		{
			name:   "no policy: all known pods speak with all",
			open:   []packet{tcp(web, db, 1), tcp(rival, web, 1), tcp(web, node, 6443), tcp(web, world, 443), tcp(world, web, 80), tcp(web, web, 1)},
			closed: []packet{tcp(stranger, web, 1), tcp(web, stranger, 1), tcp(stranger, node, 1), tcp(stranger, world, 1)},
		},
		{
			name:     "default deny closes one namespace in both directions, but for a pod to itself",
			policies: []*networkingv1.NetworkPolicy{denyAll},
			open:     []packet{tcp(web, web, 1), tcp(rival, dns, 53), tcp(rival, node, 1)},
			closed: []packet{
				tcp(web, db, 1), tcp(web, rival, 1), tcp(rival, web, 1), tcp(web, dns, 53), tcp(web, node, 6443), tcp(web, node, 10250), tcp(web, "10.244.0.1", 1),
				tcp(web, world, 443), tcp(web, metadata, 80), tcp(world, web, 80),
			},
		},
		{
			name:     "policyTypes left out: ingress alone",
			policies: []*networkingv1.NetworkPolicy{policy("implicit", spec{})},
			open:     []packet{tcp(web, rival, 1), tcp(web, world, 443)},
			closed:   []packet{tcp(rival, web, 1), tcp(world, web, 1), tcp(web, db, 1)},
		},
		{
			name:     "policyTypes left out, egress rules given: both",
			policies: []*networkingv1.NetworkPolicy{policy("implicit", spec{Egress: []out{{To: []peer{{PodSelector: labelled("app", "db")}}}}, PodSelector: *labelled("app", "web")})},
			open:     []packet{tcp(web, db, 1)},
			closed:   []packet{tcp(web, rival, 1), tcp(rival, web, 1)},
		},
		{
			name: "allows add up",
			policies: []*networkingv1.NetworkPolicy{
				denyAll,
				policy("web-to-db", spec{PodSelector: *labelled("app", "web"), PolicyTypes: egress, Egress: []out{{To: []peer{{PodSelector: labelled("app", "db")}}, Ports: ports{port("TCP", 5432)}}}}),
				policy("db-from-web", spec{PodSelector: *labelled("app", "db"), PolicyTypes: ingress, Ingress: []in{{From: []peer{{PodSelector: labelled("app", "web")}}}}}),
			},
			open:   []packet{tcp(web, db, 5432)},
			closed: []packet{tcp(web, db, 5433), udp(web, db, 5432), tcp(db, web, 5432), tcp(rival, db, 5432), tcp(web, rival, 5432)},
		},
		{
			name: "both ends must allow",
			policies: []*networkingv1.NetworkPolicy{
				policy("web-out", spec{PodSelector: *labelled("app", "web"), PolicyTypes: egress, Egress: []out{{To: []peer{{PodSelector: anything}}}}}),
				policy("db-closed", spec{PodSelector: *labelled("app", "db"), PolicyTypes: ingress}),
			},
			closed: []packet{tcp(web, db, 5432)},
		},
		{
			name:     "a pod selector alone means the policy's own namespace",
			policies: []*networkingv1.NetworkPolicy{policy("same", spec{PolicyTypes: ingress, Ingress: []in{{From: []peer{{PodSelector: labelled("app", "web")}}}}})},
			open:     []packet{tcp(web, db, 1)},
			closed:   []packet{tcp(rival, db, 1), tcp(rival, web, 1)},
		},
		{
			name:     "a namespace selector alone means all its pods",
			policies: []*networkingv1.NetworkPolicy{policy("tenant", spec{PolicyTypes: ingress, Ingress: []in{{From: []peer{{NamespaceSelector: labelled("tenant", "rival")}}}}})},
			open:     []packet{tcp(rival, db, 1)},
			closed:   []packet{tcp(web, db, 1), tcp(dns, db, 1)},
		},
		{
			name: "both selectors in one peer must match; in two peers either does",
			policies: []*networkingv1.NetworkPolicy{
				policy("and", spec{PodSelector: *labelled("app", "db"), PolicyTypes: ingress, Ingress: []in{{From: []peer{{NamespaceSelector: labelled("tenant", "rival"), PodSelector: labelled("app", "db")}}}}}),
				policy("or", spec{PodSelector: *labelled("app", "web"), PolicyTypes: ingress, Ingress: []in{{From: []peer{{NamespaceSelector: labelled("tenant", "rival")}, {PodSelector: labelled("app", "db")}}}}}),
			},
			open:   []packet{tcp(rival, web, 1), tcp(db, web, 1)},
			closed: []packet{tcp(rival, db, 1), tcp(dns, web, 1)},
		},
		{
			name:     "an empty namespace selector means every namespace, the world not",
			policies: []*networkingv1.NetworkPolicy{policy("all-pods", spec{PolicyTypes: ingress, Ingress: []in{{From: []peer{{NamespaceSelector: anything}}}}})},
			open:     []packet{tcp(rival, db, 1), tcp(dns, web, 1)},
			closed:   []packet{tcp(world, web, 1)},
		},
		{
			name:     "a rule without peers or ports allows all",
			policies: []*networkingv1.NetworkPolicy{policy("open", spec{PolicyTypes: both, Ingress: []in{{}}, Egress: []out{{}}})},
			open:     []packet{tcp(world, web, 80), tcp(rival, db, 1), tcp(web, world, 1), tcp(web, node, 6443), udp(web, dns, 53)},
			closed:   []packet{tcp(web, stranger, 1)},
		},
		{
			name: "blocks of addresses with exceptions",
			policies: []*networkingv1.NetworkPolicy{policy("internet", spec{PolicyTypes: egress, Egress: []out{{To: []peer{{IPBlock: &networkingv1.IPBlock{
				CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "169.254.0.0/16", "192.0.2.0/24"},
			}}}}}})},
			open:   []packet{tcp(web, world, 443)},
			closed: []packet{tcp(web, metadata, 80), tcp(web, node, 6443), tcp(web, "10.255.0.1", 1), tcp(web, rival, 1), tcp(web, "10.244.0.1", 1)},
		},
		{
			name:     "an IPv6 block opens nothing",
			policies: []*networkingv1.NetworkPolicy{policy("six", spec{PolicyTypes: egress, Egress: []out{{To: []peer{{IPBlock: &networkingv1.IPBlock{CIDR: "::/0"}}}}}})},
			closed:   []packet{tcp(web, world, 443), tcp(web, db, 1)},
		},
		{
			name:     "ranges of ports and protocols without a port",
			policies: []*networkingv1.NetworkPolicy{policy("ports", spec{PodSelector: *labelled("app", "db"), PolicyTypes: ingress, Ingress: []in{{Ports: ports{portRange(8000, 8010), {Protocol: ptr(corev1.ProtocolUDP)}, port("SCTP", 9)}}}})},
			open:     []packet{tcp(web, db, 8000), tcp(web, db, 8010), udp(web, db, 7), {from: web, to: db, protocol: "sctp", port: 9, wire: "wire" + web}},
			closed:   []packet{tcp(web, db, 7999), tcp(web, db, 8011), {from: web, to: db, protocol: "sctp", port: 10, wire: "wire" + web}},
		},
		{
			name:     "a named port into pods is each pod's own number",
			policies: []*networkingv1.NetworkPolicy{policy("http", spec{PolicyTypes: ingress, Ingress: []in{{Ports: ports{named("http")}}}})},
			open:     []packet{tcp(rival, web, 8080), tcp(rival, db, 9090)},
			closed:   []packet{tcp(rival, web, 9090), tcp(rival, db, 8080), udp(rival, web, 8080)},
		},
		{
			name:     "a named port out of pods is the number of the pod at the other end",
			policies: []*networkingv1.NetworkPolicy{policy("http", spec{PolicyTypes: egress, Egress: []out{{To: []peer{{NamespaceSelector: labelled("tenant", "rival")}}, Ports: ports{named("http")}}}})},
			open:     []packet{tcp(web, rival, 8081)},
			closed:   []packet{tcp(web, rival, 8080), tcp(web, db, 9090)},
		},
		{
			name:     "a named port that no pod has opens nothing",
			policies: []*networkingv1.NetworkPolicy{policy("none", spec{PolicyTypes: ingress, Ingress: []in{{Ports: ports{named("absent")}}}})},
			closed:   []packet{tcp(rival, web, 8080)},
		},
		{
			name:     "a selector that matches no pod opens nothing",
			policies: []*networkingv1.NetworkPolicy{policy("nobody", spec{PolicyTypes: ingress, Ingress: []in{{From: []peer{{PodSelector: labelled("app", "gone")}}}}})},
			closed:   []packet{tcp(web, db, 1), tcp(rival, db, 1)},
		},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			compiled := Compile(cluster(test.policies...))
			for _, p := range test.open {
				if !evaluate(t, compiled, p) {
					t.Errorf("%+v is refused and should be allowed", p)
				}
			}
			for _, p := range test.closed {
				if evaluate(t, compiled, p) {
					t.Errorf("%+v is allowed and should be refused", p)
				}
			}
		})
	}
}

func TestForgedPacketsAreRefused(t *testing.T) {
	compiled := Compile(cluster())
	for name, p := range map[string]packet{
		"another pod's address":          {from: db, to: rival, protocol: "tcp", port: 1, wire: "wire" + web},
		"the world's address from a pod": {from: world, to: rival, protocol: "tcp", port: 1, wire: "wire" + web},
		"a pod's address from the world": {from: web, to: rival, protocol: "tcp", port: 1, wire: "eth0"},
		"the node's address from a pod":  {from: node, to: "10.244.0.1", protocol: "tcp", port: 1, wire: "wire" + web, local: true},
	} {
		if evaluate(t, compiled, p) {
			t.Errorf("%s gets through", name)
		}
	}
}

func ptr[T any](value T) *T { return &value }
