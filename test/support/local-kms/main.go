// Command local-kms serves the protocol of AWS KMS on a loopback address: github.com/nsmithuk/local-kms, which itself listens on every address.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/nsmithuk/local-kms/src"
	"github.com/nsmithuk/local-kms/src/config"
	"github.com/nsmithuk/local-kms/src/data"
)

// Arguments: address to listen on, folder for its keys. Prints its URL.
func main() {
	config.AWSAccountId = "111122223333"
	config.AWSRegion = "eu-west-2"
	config.DatabasePath = os.Args[2]
	database := data.NewDatabase(config.DatabasePath)
	defer database.Close()
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { src.HandleRequest(w, r, database) })))
}
