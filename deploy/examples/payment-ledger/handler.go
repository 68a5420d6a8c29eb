// Package ledger records payments as double entries: what one account gives, another gets.
package ledger

import (
	"context"
	"net/http"
	"regexp"

	"fnplane.dev/fn"
)

var (
	paymentIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	accountForm   = regexp.MustCompile(`^[A-Z0-9]{4,34}$`)
	currencyForm  = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Handle books a posting: 201 for a new entry, 200 for one that is known, 409 for a payment id that was used for something else.
func Handle(ctx context.Context, event fn.Event) (any, error) {
	var p Posting
	if err := event.Decode(&p); err != nil {
		return refusal(http.StatusUnprocessableEntity, "the body must be a posting as JSON"), nil
	}
	if message := p.problem(); message != "" {
		return refusal(http.StatusUnprocessableEntity, message), nil
	}
	entry, outcome := book.post(p)
	log := fn.FromContext(ctx).Logger
	switch outcome {
	case conflicting:
		log.Warn("payment id used twice for different postings", "payment", p.PaymentID)
		return refusal(http.StatusConflict, "this payment id was recorded with other accounts or another amount"), nil
	case known:
		log.Info("posting replayed", "payment", p.PaymentID, "entry", entry.EntryID)
		entry.Replayed = true
		return fn.Response{StatusCode: http.StatusOK, Body: entry}, nil
	default:
		log.Info("posting recorded", "payment", p.PaymentID, "entry", entry.EntryID)
		return fn.Response{StatusCode: http.StatusCreated, Body: entry}, nil
	}
}

func (p Posting) problem() string {
	switch {
	case !paymentIDForm.MatchString(p.PaymentID):
		return "paymentId must be 1 to 64 letters, digits, dots, hyphens or underscores"
	case !accountForm.MatchString(p.Debit) || !accountForm.MatchString(p.Credit):
		return "debit and credit must be account numbers"
	case p.Debit == p.Credit:
		return "debit and credit must differ"
	case p.AmountMinor <= 0:
		return "amountMinor must be a positive whole number"
	case !currencyForm.MatchString(p.Currency):
		return "currency must be three capital letters"
	}
	return ""
}

func refusal(status int, message string) fn.Response {
	return fn.Response{StatusCode: status, Body: map[string]string{"error": message}}
}
