package main

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"fnplane.dev/local/kubelocal/networkpolicy/rules"
)

// findWires reads from the kernel's routes which interface leads to which pod. Nothing has to be remembered for it.
func findWires(podCIDR netip.Prefix) ([]rules.Wire, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("links: %w", err)
	}
	names := map[int]string{}
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	var wires []rules.Wire
	for _, route := range routes {
		if route.Dst == nil {
			continue
		}
		ip, ok := netip.AddrFromSlice(route.Dst.IP.To4())
		ones, _ := route.Dst.Mask.Size()
		if name, known := names[route.LinkIndex]; ok && known && ones == 32 && podCIDR.Contains(ip) {
			wires = append(wires, rules.Wire{IP: ip, Interface: name})
		}
	}
	return wires, nil
}
