package authorize

import (
	"fmt"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	paymentIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	amountForm    = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})\.([0-9]{2})$`)
	ibanForm      = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`)
)

// check gives the amount in minor units (cents), or what is wrong with the payment.
func (p Payment) check() (int64, []problem) {
	var problems []problem
	demand := func(holds bool, pointer, message string) {
		if !holds {
			problems = append(problems, problem{pointer, message})
		}
	}
	minor, understood := minorUnits(p.Amount)
	demand(paymentIDForm.MatchString(p.PaymentID), "/paymentId", "must be 1 to 64 letters, digits, dots, hyphens or underscores")
	demand(validIBAN(p.Debtor.IBAN), "/debtor/iban", "is not a valid IBAN")
	demand(validIBAN(p.Creditor.IBAN), "/creditor/iban", "is not a valid IBAN")
	demand(understood && minor > 0, "/amount", `must be a positive amount like "125.50", as a text`)
	demand(len(p.Currency) == 3, "/currency", "must be three letters")
	demand(len(p.Reference) <= 140, "/reference", "must have at most 140 characters")
	return minor, problems
}

// minorUnits reads "125.50" as 12550.
func minorUnits(amount string) (int64, bool) {
	parts := amountForm.FindStringSubmatch(amount)
	if parts == nil {
		return 0, false
	}
	minor, err := strconv.ParseInt(parts[1]+parts[2], 10, 64)
	return minor, err == nil
}

// validIBAN checks form and check digits (ISO 13616: the number, rearranged, leaves 1 when divided by 97).
func validIBAN(iban string) bool {
	if !ibanForm.MatchString(iban) {
		return false
	}
	var digits strings.Builder
	for _, char := range iban[4:] + iban[:4] {
		if char >= 'A' {
			fmt.Fprintf(&digits, "%d", char-'A'+10)
		} else {
			digits.WriteRune(char)
		}
	}
	number, _ := new(big.Int).SetString(digits.String(), 10)
	return new(big.Int).Mod(number, big.NewInt(97)).Int64() == 1
}

// rules are what the bank allows; they come from the function's environment.
type rules struct {
	currencies  []string
	singleLimit int64
}

var limits = readRules()

func readRules() rules {
	allowed := rules{currencies: strings.Split(setting("CURRENCIES", "EUR"), ",")}
	limit, understood := minorUnits(setting("SINGLE_LIMIT", "10000.00"))
	if !understood {
		fmt.Fprintln(os.Stderr, `SINGLE_LIMIT must be an amount like "10000.00"`)
		os.Exit(1)
	}
	allowed.singleLimit = limit
	return allowed
}

func setting(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// reasons says why a payment that is well formed is declined all the same.
func (r rules) reasons(p Payment, minor int64) []string {
	var found []string
	if !slices.Contains(r.currencies, p.Currency) {
		found = append(found, "CURRENCY_NOT_OFFERED")
	}
	if minor > r.singleLimit {
		found = append(found, "ABOVE_SINGLE_LIMIT")
	}
	if p.Debtor.IBAN == p.Creditor.IBAN {
		found = append(found, "SAME_ACCOUNT")
	}
	return found
}
