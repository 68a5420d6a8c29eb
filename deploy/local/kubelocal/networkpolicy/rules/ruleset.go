package rules

import "sigs.k8s.io/knftables"

// Ruleset is a whole nftables table as plain values, so that two of them can be compared.
type Ruleset struct {
	Sets   map[string]Set
	Chains map[string]Chain
}

// Set is a set or, where its elements have verdicts, a verdict map.
type Set struct {
	Type     string
	Verdicts bool
	Elements map[string]Element // by the key's text
}

// Element is one key, and its verdict in a map.
type Element struct {
	Key     []string
	Verdict string
}

// Chain is a list of rules; with a hook it is where packets enter.
type Chain struct {
	Hook    knftables.BaseChainHook
	Comment string
	Rules   []string
}

func newRuleset() Ruleset {
	return Ruleset{Sets: map[string]Set{}, Chains: map[string]Chain{}}
}

func (r Ruleset) addSet(name, keyType string, verdicts bool) {
	if _, exists := r.Sets[name]; !exists {
		r.Sets[name] = Set{Type: keyType, Verdicts: verdicts, Elements: map[string]Element{}}
	}
}

func (r Ruleset) addElement(set, verdict string, key ...string) {
	text := ""
	for _, part := range key {
		text += part + " "
	}
	r.Sets[set].Elements[text] = Element{Key: key, Verdict: verdict}
}
