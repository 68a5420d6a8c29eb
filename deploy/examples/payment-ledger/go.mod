module bank.example/payment-ledger

go 1.22

require fnplane.dev/fn v0.0.0

// For building on your own machine; the platform puts its SDK in this place.
replace fnplane.dev/fn => ../../runtimes/go
