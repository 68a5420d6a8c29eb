// Command coredns is CoreDNS with the few plugins that a cluster's DNS needs: a quarter of the whole in size and build time.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
)

func main() {
	// The order in which a query passes the plugins: CoreDNS takes it from here, not from the Corefile.
	dnsserver.Directives = []string{"errors", "health", "ready", "prometheus", "cache", "loadbalance", "kubernetes", "forward"}
	coremain.Run()
}
