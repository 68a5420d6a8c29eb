// Command network-policy enforces NetworkPolicies on the one node of the local cluster.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/knftables"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	cidr := flag.String("pod-cidr", "", "range of the pods' addresses")
	table := flag.String("table", "fnplane-network-policy", "name of the nftables table")
	socket := flag.String("socket", "", "socket on which the network plugin announces new pods")
	flag.Parse()
	if err := run(*kubeconfig, *cidr, *table, *socket); err != nil {
		klog.ErrorS(err, "Ended")
		os.Exit(1)
	}
}

func run(kubeconfig, cidr, table, socket string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	podCIDR, err := netip.ParsePrefix(cidr)
	if err != nil {
		return fmt.Errorf("--pod-cidr: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("--kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	nft, err := knftables.New(knftables.InetFamily, table)
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	watch, err := newClusterView(client)
	if err != nil {
		return err
	}
	enforcer := newEnforcer(nft, podCIDR, watch)
	// Closed before anything is known: until the first rules are in place, no pod of this range may speak.
	if err := enforcer.closeUnlessOpen(ctx); err != nil {
		return fmt.Errorf("first rules: %w", err)
	}
	if err := watch.start(ctx, enforcer.notice); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- serve(ctx, socket, enforcer) }()
	go enforcer.run(ctx)
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return err
	}
}
