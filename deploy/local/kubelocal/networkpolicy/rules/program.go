package rules

import (
	"maps"
	"slices"

	"sigs.k8s.io/knftables"
)

// Replace writes the transaction that puts a whole ruleset in the place of whatever the table holds.
func Replace(tx *knftables.Transaction, next Ruleset) {
	// A table must exist to be deleted.
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("NetworkPolicies of the local cluster")})
	Update(tx, newRuleset(), next)
}

// Update writes the transaction that makes one ruleset out of another and touches nothing that stays the same.
//
// The order matters to the kernel, which wants everything that is named to exist: sets and chains before the rules and
// verdicts that name them, and the other way round when they go.
func Update(tx *knftables.Transaction, previous, next Ruleset) {
	for _, name := range slices.Sorted(maps.Keys(next.Sets)) {
		if old, exists := previous.Sets[name]; !exists || old.Type != next.Sets[name].Type {
			addSet(tx, name, next.Sets[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.Chains)) {
		if _, exists := previous.Chains[name]; !exists {
			addChain(tx, name, next.Chains[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.Chains)) {
		old, exists := previous.Chains[name]
		if exists && slices.Equal(old.Rules, next.Chains[name].Rules) {
			continue
		}
		if exists {
			tx.Flush(&knftables.Chain{Name: name})
		}
		for _, rule := range next.Chains[name].Rules {
			tx.Add(&knftables.Rule{Chain: name, Rule: rule})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.Sets)) {
		changeElements(tx, name, previous.Sets[name], next.Sets[name])
	}
	remove(tx, previous, next)
}

func remove(tx *knftables.Transaction, previous, next Ruleset) {
	var chains []string
	for _, name := range slices.Sorted(maps.Keys(previous.Chains)) {
		if _, stays := next.Chains[name]; !stays {
			tx.Flush(&knftables.Chain{Name: name})
			chains = append(chains, name)
		}
	}
	for _, name := range chains {
		tx.Delete(&knftables.Chain{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(previous.Sets)) {
		if _, stays := next.Sets[name]; !stays {
			// Verdict maps are fixed parts of the table: only sets ever go.
			tx.Delete(&knftables.Set{Name: name})
		}
	}
}

func addSet(tx *knftables.Transaction, name string, set Set) {
	if set.Verdicts {
		tx.Add(&knftables.Map{Name: name, Type: set.Type + " : verdict"})
		return
	}
	tx.Add(&knftables.Set{Name: name, Type: set.Type})
}

func addChain(tx *knftables.Transaction, name string, chain Chain) {
	added := &knftables.Chain{Name: name}
	if chain.Comment != "" {
		added.Comment = &chain.Comment
	}
	if chain.Hook != "" {
		added.Type = knftables.PtrTo(knftables.FilterType)
		added.Hook = &chain.Hook
		added.Priority = knftables.PtrTo(knftables.FilterPriority)
	}
	tx.Add(added)
}

func changeElements(tx *knftables.Transaction, name string, old, next Set) {
	for _, key := range slices.Sorted(maps.Keys(old.Elements)) {
		if kept, stays := next.Elements[key]; !stays || kept.Verdict != old.Elements[key].Verdict {
			tx.Delete(element(name, next.Verdicts, old.Elements[key]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(next.Elements)) {
		if had, exists := old.Elements[key]; !exists || had.Verdict != next.Elements[key].Verdict {
			tx.Add(element(name, next.Verdicts, next.Elements[key]))
		}
	}
}

func element(name string, verdicts bool, e Element) *knftables.Element {
	if verdicts {
		return &knftables.Element{Map: name, Key: e.Key, Value: []string{e.Verdict}}
	}
	return &knftables.Element{Set: name, Key: e.Key}
}
