module conformance.test/handler

go 1.22

require fnplane.dev/fn v0.0.0

replace fnplane.dev/fn => ../../go
