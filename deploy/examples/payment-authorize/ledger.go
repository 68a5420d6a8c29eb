package authorize

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"fnplane.dev/fn"
)

// The name of another function of the tenant is its address inside the cluster.
var ledgerURL = setting("LEDGER_URL", "http://payment-ledger/")

const largestAnswer = 64 << 10

type posting struct {
	PaymentID   string `json:"paymentId"`
	Debit       string `json:"debit"`
	Credit      string `json:"credit"`
	AmountMinor int64  `json:"amountMinor"`
	Currency    string `json:"currency"`
}

type ledgerEntry struct {
	EntryID  string `json:"entryId"`
	Replayed bool   `json:"replayed"`
}

// record has the ledger book the payment. The call ends with the invocation's own deadline, which the ledger is told.
func record(ctx context.Context, p Payment, minor int64) (ledgerEntry, error) {
	body, err := json.Marshal(posting{p.PaymentID, p.Debtor.IBAN, p.Creditor.IBAN, minor, p.Currency})
	if err != nil {
		return ledgerEntry{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, ledgerURL, bytes.NewReader(body))
	if err != nil {
		return ledgerEntry{}, err
	}
	invocation := fn.FromContext(ctx)
	for name, value := range map[string]string{
		"Content-Type":       "application/json",
		"X-Request-Id":       invocation.RequestID,
		"Traceparent":        invocation.Traceparent,
		"Tracestate":         invocation.Tracestate,
		"X-Fnplane-Deadline": strconv.FormatInt(invocation.Deadline.UnixMilli(), 10),
	} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ledgerEntry{}, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	if err != nil {
		return ledgerEntry{}, err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		return ledgerEntry{}, fmt.Errorf("it answered %d: %.200s", response.StatusCode, answer)
	}
	var entry ledgerEntry
	if err := json.Unmarshal(answer, &entry); err != nil || entry.EntryID == "" {
		return ledgerEntry{}, fmt.Errorf("it answered without an entry: %.200s", answer)
	}
	return entry, nil
}
