package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
)

// Posting asks for one payment to be recorded. Amounts are in minor units (cents).
type Posting struct {
	PaymentID   string `json:"paymentId"`
	Debit       string `json:"debit"`
	Credit      string `json:"credit"`
	AmountMinor int64  `json:"amountMinor"`
	Currency    string `json:"currency"`
}

// Line is one side of an entry; the lines of an entry add up to nothing.
type Line struct {
	Account     string `json:"account"`
	AmountMinor int64  `json:"amountMinor"`
}

// Entry is a recorded posting.
type Entry struct {
	EntryID  string  `json:"entryId"`
	Currency string  `json:"currency"`
	Lines    [2]Line `json:"lines"`
	// Replayed: the posting had been recorded before, and was not recorded again.
	Replayed bool `json:"replayed"`
}

type outcome int

const (
	recorded outcome = iota
	known
	conflicting
)

// journal keeps the latest entries in memory: an example's stand-in for the database a bank would use.
type journal struct {
	mu       sync.Mutex
	capacity int
	postings map[string]Posting
	order    []string
}

var book = newJournal(10_000)

func newJournal(capacity int) *journal {
	return &journal{capacity: capacity, postings: map[string]Posting{}}
}

func (j *journal) post(p Posting) (Entry, outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if before, found := j.postings[p.PaymentID]; found {
		if before != p {
			return Entry{}, conflicting
		}
		return entryOf(p), known
	}
	if len(j.order) == j.capacity {
		delete(j.postings, j.order[0])
		j.order = j.order[1:]
	}
	j.postings[p.PaymentID] = p
	j.order = append(j.order, p.PaymentID)
	return entryOf(p), recorded
}

// entryOf takes the entry's id from the posting itself: the same posting has the same id wherever it is recorded.
func entryOf(p Posting) Entry {
	content, _ := json.Marshal(p)
	sum := sha256.Sum256(content)
	return Entry{
		EntryID:  fmt.Sprintf("entry-%x", sum[:12]),
		Currency: p.Currency,
		Lines:    [2]Line{{p.Debit, -p.AmountMinor}, {p.Credit, p.AmountMinor}},
	}
}
