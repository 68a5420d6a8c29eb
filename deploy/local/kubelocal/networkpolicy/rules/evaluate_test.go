package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// packet is a first packet of a connection: nothing about it is established.
type packet struct {
	from, to string
	protocol string
	port     int
	wire     string // the interface it comes in by; empty is one of the world's
	local    bool   // whether it goes to one of the node's own addresses
}

// evaluate takes a packet through a ruleset as the kernel would, and answers whether it gets through.
func evaluate(t *testing.T, r Ruleset, p packet) bool {
	t.Helper()
	entry := "forward"
	if p.local {
		entry = "input"
	}
	verdict := walk(t, r, entry, p, 0)
	return verdict != "drop"
}

// walk answers accept, drop or, at a chain's end, nothing.
func walk(t *testing.T, r Ruleset, chain string, p packet, depth int) string {
	t.Helper()
	if depth > 16 {
		t.Fatal("chains go deeper than the kernel lets them")
	}
	rules, exists := r.Chains[chain]
	if !exists {
		t.Fatalf("chain %q does not exist", chain)
	}
	for _, rule := range rules.Rules {
		words := strings.Fields(rule)
		matched, rest := conditions(t, r, words, p)
		if !matched {
			continue
		}
		if rest[0] == "vmap" {
			continue
		}
		switch rest[0] {
		case "accept", "drop":
			return rest[0]
		case "jump":
			if verdict := walk(t, r, rest[1], p, depth+1); verdict != "" {
				return verdict
			}
		case "goto":
			return walk(t, r, rest[1], p, depth+1)
		default:
			t.Fatalf("rule %q: %q is not understood", rule, rest)
		}
	}
	return ""
}

// conditions takes the conditions off the front of a rule.
func conditions(t *testing.T, r Ruleset, words []string, p packet) (bool, []string) {
	t.Helper()
	for {
		switch words[0] {
		case "accept", "drop", "jump", "goto":
			return true, words
		}
		var values []string
		for {
			value, rest := field(t, words, p)
			values, words = append(values, value), rest
			if words[0] != "." {
				break
			}
			words = words[1:]
		}
		if words[0] == "vmap" {
			element, found := r.Sets[words[1][1:]].Elements[strings.Join(values, " ")+" "]
			if !found {
				return false, nil
			}
			return true, strings.Fields(element.Verdict)
		}
		wanted := true
		if words[0] == "!=" {
			wanted, words = false, words[1:]
		}
		if holds(t, r, values, words[0], p) != wanted {
			return false, nil
		}
		words = words[1:]
	}
}

func field(t *testing.T, words []string, p packet) (string, []string) {
	t.Helper()
	two := strings.Join(words[:2], " ")
	switch {
	case two == "ip saddr":
		return p.from, words[2:]
	case two == "ip daddr":
		return p.to, words[2:]
	case two == "meta nfproto":
		return "ipv4", words[2:]
	case two == "meta l4proto":
		return p.protocol, words[2:]
	case two == "ct state":
		return "new", words[2:]
	case two == "th dport":
		return strconv.Itoa(p.port), words[2:]
	case words[0] == "iifname":
		return quote(p.wire), words[1:]
	case words[0] == "oifname":
		return quote("out"), words[1:]
	case words[0] == "fib":
		return map[bool]string{true: "local", false: "unicast"}[p.local], words[3:]
	case words[1] == "dport":
		if p.protocol != words[0] {
			return "-1", words[2:]
		}
		return strconv.Itoa(p.port), words[2:]
	}
	t.Fatalf("field %q is not understood", words)
	return "", nil
}

func holds(t *testing.T, r Ruleset, values []string, operand string, p packet) bool {
	t.Helper()
	if set, isSet := strings.CutPrefix(operand, "@"); isSet {
		if _, exists := r.Sets[set]; !exists {
			t.Fatalf("set %q does not exist", set)
		}
		_, found := r.Sets[set].Elements[strings.Join(values, " ")+" "]
		return found
	}
	if prefix, err := netip.ParsePrefix(operand); err == nil {
		address, err := netip.ParseAddr(values[0])
		return err == nil && prefix.Contains(address)
	}
	if low, high, isRange := strings.Cut(operand, "-"); isRange {
		var from, to, number int
		if _, err := fmt.Sscan(low+" "+high+" "+values[0], &from, &to, &number); err == nil {
			return number >= from && number <= to
		}
	}
	return slices.Contains(strings.Split(operand, ","), strings.Trim(values[0], `"`))
}
