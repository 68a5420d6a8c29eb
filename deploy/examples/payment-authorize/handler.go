// Package authorize decides whether a bank transfer may go ahead, and has the ledger record it.
package authorize

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"

	"fnplane.dev/fn"
)

// Payment is what a caller asks for. Amounts are text: 125.50 has no exact binary form.
type Payment struct {
	PaymentID string  `json:"paymentId"`
	Debtor    Account `json:"debtor"`
	Creditor  Account `json:"creditor"`
	Amount    string  `json:"amount"`
	Currency  string  `json:"currency"`
	Reference string  `json:"reference"`
}

// Account names one side of a payment.
type Account struct {
	IBAN string `json:"iban"`
	Name string `json:"name"`
}

// Decision is the answer to a payment that could be understood.
type Decision struct {
	PaymentID string `json:"paymentId"`
	// Decision is authorized or declined.
	Decision string   `json:"decision"`
	Reasons  []string `json:"reasons,omitempty"`
	// AuthorizationCode is what the caller shows when asked later.
	AuthorizationCode string `json:"authorizationCode,omitempty"`
	LedgerEntry       string `json:"ledgerEntry,omitempty"`
	Replayed          bool   `json:"replayed,omitempty"`
}

// Handle answers 200 with a decision, 422 for what is no payment, 502 when the ledger gives no entry.
func Handle(ctx context.Context, event fn.Event) (any, error) {
	var payment Payment
	if err := event.Decode(&payment); err != nil {
		return refusal(http.StatusUnprocessableEntity, []problem{{"", "the body must be a payment as JSON"}}), nil
	}
	minor, problems := payment.check()
	if len(problems) > 0 {
		return refusal(http.StatusUnprocessableEntity, problems), nil
	}
	log := fn.FromContext(ctx).Logger
	if reasons := limits.reasons(payment, minor); len(reasons) > 0 {
		log.Info("payment declined", "payment", payment.PaymentID, "reasons", reasons)
		return Decision{PaymentID: payment.PaymentID, Decision: "declined", Reasons: reasons}, nil
	}
	entry, err := record(ctx, payment, minor)
	if err != nil {
		log.Error("the ledger did not record the payment", "payment", payment.PaymentID, "error", err.Error())
		return refusal(http.StatusBadGateway, []problem{{"", "the ledger did not record the payment: " + err.Error()}}), nil
	}
	log.Info("payment authorized", "payment", payment.PaymentID, "entry", entry.EntryID)
	return Decision{
		PaymentID:         payment.PaymentID,
		Decision:          "authorized",
		AuthorizationCode: code(payment.PaymentID, entry.EntryID),
		LedgerEntry:       entry.EntryID,
		Replayed:          entry.Replayed,
	}, nil
}

// code is the same for the same payment, however often it is asked for.
func code(paymentID, entryID string) string {
	sum := sha256.Sum256([]byte(paymentID + "\n" + entryID))
	return strings.ToUpper(fmt.Sprintf("%x", sum[:4]))
}

type problem struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

func refusal(status int, problems []problem) fn.Response {
	return fn.Response{StatusCode: status, Body: map[string]any{"errors": problems}}
}
