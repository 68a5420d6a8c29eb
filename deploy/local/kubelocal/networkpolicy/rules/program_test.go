package rules

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/knftables"
)

// history is a life of a cluster: each step is another state of it.
func history() []Snapshot {
	allow := policy("allow", spec{PolicyTypes: ingress, Ingress: []in{{From: []peer{{PodSelector: anything}}, Ports: ports{named("http")}}}})
	changed := policy("allow", spec{PolicyTypes: both, Ingress: []in{{From: []peer{{NamespaceSelector: anything}}}}, Egress: []out{{To: []peer{{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8"}}}}}}})
	fewer := cluster(denyAll, allow)
	fewer.Pods, fewer.Wires = fewer.Pods[1:], fewer.Wires[1:]
	return []Snapshot{{PodCIDR: cluster().PodCIDR}, cluster(), cluster(denyAll), cluster(denyAll, allow), fewer, cluster(denyAll, changed), cluster(changed), cluster(), {PodCIDR: cluster().PodCIDR}}
}

func TestUpdatesLeadToTheSameTableAsAFreshWrite(t *testing.T) {
	ctx := context.Background()
	updated := knftables.NewFake(knftables.InetFamily, "test")
	tx := updated.NewTransaction()
	previous := Compile(history()[0])
	Replace(tx, previous)
	if err := updated.Run(ctx, tx); err != nil {
		t.Fatal(err)
	}
	for step, snapshot := range history()[1:] {
		next := Compile(snapshot)
		tx := updated.NewTransaction()
		Update(tx, previous, next)
		if err := updated.Run(ctx, tx); err != nil {
			t.Fatalf("step %d: %v\n%s", step, err, tx)
		}
		fresh := knftables.NewFake(knftables.InetFamily, "test")
		whole := fresh.NewTransaction()
		Replace(whole, next)
		if err := fresh.Run(ctx, whole); err != nil {
			t.Fatalf("step %d: %v\n%s", step, err, whole)
		}
		if was, should := contents(updated), contents(fresh); was != should {
			t.Fatalf("step %d: updated\n%s\nfresh\n%s", step, was, should)
		}
		previous = next
	}
}

// contents is a table as text: rules in their order, the rest in any.
func contents(table *knftables.Fake) string {
	var ordered, other []string
	for _, line := range strings.Split(table.Dump(), "\n") {
		if strings.HasPrefix(line, "add rule") {
			ordered = append(ordered, line)
		} else {
			other = append(other, line)
		}
	}
	slices.Sort(other)
	return strings.Join(append(other, ordered...), "\n")
}

func TestNothingChangedIsNothingWritten(t *testing.T) {
	compiled := Compile(cluster(denyAll))
	tx := knftables.NewFake(knftables.InetFamily, "test").NewTransaction()
	Update(tx, compiled, Compile(cluster(denyAll)))
	if tx.NumOperations() != 0 {
		t.Fatalf("%s", tx)
	}
}

func TestAPodThatComesLeavesRulesAlone(t *testing.T) {
	allow := policy("allow", spec{PolicyTypes: both, Ingress: []in{{From: []peer{{PodSelector: anything}}}}, Egress: []out{{To: []peer{{PodSelector: anything}}}}})
	after := cluster(denyAll, allow)
	before := cluster(denyAll, allow)
	before.Pods, before.Wires = before.Pods[1:], before.Wires[1:]
	old, next := Compile(before), Compile(after)
	for name, chain := range next.Chains {
		if len(chain.Rules) != len(old.Chains[name].Rules) {
			t.Errorf("chain %s is rewritten", name)
		}
	}
}

// The kernel is the judge of what the fake lets pass. It only checks: no table is touched.
func TestTheKernelTakesTheRules(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("nftables asks for root")
	}
	nft, err := knftables.New(knftables.InetFamily, "fnplane-test-of-rules")
	if err != nil {
		t.Skip(err)
	}
	for step, snapshot := range history() {
		tx := nft.NewTransaction()
		Replace(tx, Compile(snapshot))
		if err := nft.Check(context.Background(), tx); err != nil {
			t.Errorf("step %d: %v\n%s", step, err, tx)
		}
	}
}
