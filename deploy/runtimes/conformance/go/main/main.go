// What the platform adds to a tenant's module.
package main

import (
	user "conformance.test/handler"
	"fnplane.dev/fn"
)

func main() { fn.Start(user.Handle) }
