// An instance of a warm pool for Go functions: it waits, then becomes the function's own binary.
package main

import (
	"fmt"
	"os"
	"strconv"

	"fnplane.dev/fn/internal/pool"
)

func text(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func main() {
	waiting := &pool.Waiting{
		Token:         os.Getenv("FNPLANE_POOL_TOKEN"),
		CodeFolder:    text("FNPLANE_CODE_FOLDER", "/function"),
		SecretsFolder: text("FNPLANE_SECRETS_FOLDER", "/var/run/secrets/fnplane"),
	}
	os.Unsetenv("FNPLANE_POOL")
	os.Unsetenv("FNPLANE_POOL_TOKEN")
	port, err := strconv.Atoi(text("PORT", "8080"))
	if err != nil {
		err = fmt.Errorf("PORT is %q, not a number", os.Getenv("PORT"))
	} else {
		err = waiting.Run(os.Getenv("FNPLANE_HOST"), port)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
