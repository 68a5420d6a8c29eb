package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/knftables"

	"fnplane.dev/local/kubelocal/networkpolicy/rules"
)

const (
	// debounce gathers a burst of changes into one.
	debounce = 50 * time.Millisecond
	// Everything is written anew now and then: somebody may have touched the table.
	repairInterval = time.Minute
	retryFirst     = 100 * time.Millisecond
	retryLimit     = 5 * time.Second
	writeTimeout   = 20 * time.Second
)

// enforcer keeps the table in step with the cluster.
type enforcer struct {
	nft     knftables.Interface
	podCIDR netip.Prefix
	view    *clusterView
	changed chan struct{}

	mu sync.Mutex // guards what follows
	// announced holds the addresses that the network plugin told of: it knows them a second before the API server does.
	announced map[types.UID]netip.Addr
	applied   *rules.Ruleset
}

func newEnforcer(nft knftables.Interface, podCIDR netip.Prefix, view *clusterView) *enforcer {
	return &enforcer{nft: nft, podCIDR: podCIDR, view: view, changed: make(chan struct{}, 1), announced: map[types.UID]netip.Addr{}}
}

// closeUnlessOpen writes the rules of an empty cluster, unless an earlier life's are in place: those stay until better are known.
func (e *enforcer) closeUnlessOpen(ctx context.Context) error {
	if chains, err := e.nft.List(ctx, "chains"); err == nil && len(chains) > 0 {
		return nil
	}
	tx := e.nft.NewTransaction()
	rules.Replace(tx, rules.Compile(rules.Snapshot{PodCIDR: e.podCIDR}))
	return e.nft.Run(ctx, tx)
}

// notice tells that something changed. It never waits.
func (e *enforcer) notice() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// run writes the rules after changes until the context ends.
func (e *enforcer) run(ctx context.Context) {
	repair := time.NewTicker(repairInterval)
	defer repair.Stop()
	retry := retryFirst
	for {
		wait := debounce
		select {
		case <-ctx.Done():
			return
		case <-repair.C:
			e.forget()
		case <-e.changed:
		}
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			err := e.sync(ctx)
			if err == nil {
				retry = retryFirst
				break
			}
			klog.ErrorS(err, "Rules could not be written; trying again", "after", retry)
			wait, retry = retry, min(2*retry, retryLimit)
		}
	}
}

// forget makes the next write a whole one.
func (e *enforcer) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.applied = nil
}

// admit puts a pod's rules in place before it starts.
func (e *enforcer) admit(ctx context.Context, namespace, name, uid string, ip netip.Addr) error {
	pod, err := e.view.awaitPod(ctx, namespace, name, uid)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.announced[pod.UID] = ip
	e.mu.Unlock()
	return e.sync(ctx)
}

// sync writes what differs between the table and the cluster as it is known now.
func (e *enforcer) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	e.mu.Lock()
	defer e.mu.Unlock()
	snapshot, err := e.snapshot()
	if err != nil {
		return err
	}
	next := rules.Compile(snapshot)
	tx := e.nft.NewTransaction()
	if e.applied == nil {
		rules.Replace(tx, next)
	} else {
		rules.Update(tx, *e.applied, next)
	}
	if tx.NumOperations() == 0 {
		return nil
	}
	begun := time.Now()
	if err := e.nft.Run(ctx, tx); err != nil {
		// What the table holds now is uncertain.
		e.applied = nil
		return fmt.Errorf("nft: %w", err)
	}
	e.applied = &next
	klog.InfoS("Rules written", "operations", tx.NumOperations(), "pods", len(snapshot.Pods), "policies", len(snapshot.Policies), "took", time.Since(begun).Round(time.Millisecond))
	return nil
}

func (e *enforcer) snapshot() (rules.Snapshot, error) {
	snapshot := rules.Snapshot{PodCIDR: e.podCIDR, Namespaces: map[string]map[string]string{}}
	pods, err := e.view.pods.List(labels.Everything())
	if err != nil {
		return snapshot, err
	}
	namespaces, err := e.view.namespaces.List(labels.Everything())
	if err != nil {
		return snapshot, err
	}
	for _, namespace := range namespaces {
		snapshot.Namespaces[namespace.Name] = namespace.Labels
	}
	if snapshot.Policies, err = e.view.policies.List(labels.Everything()); err != nil {
		return snapshot, err
	}
	snapshot.Pods = e.addressed(pods)
	snapshot.Wires, err = findWires(e.podCIDR)
	return snapshot, err
}

// addressed answers the pods that hold an address of the pod range. An announced address is its pod's alone: another
// pod that the API server still shows with it has given it back.
func (e *enforcer) addressed(pods []*corev1.Pod) []rules.Pod {
	alive := map[types.UID]bool{}
	holder := map[netip.Addr]types.UID{}
	for _, pod := range pods {
		if finished(pod) {
			continue
		}
		alive[pod.UID] = true
		if ip, announced := e.announced[pod.UID]; announced {
			holder[ip] = pod.UID
		}
	}
	for uid := range e.announced {
		if !alive[uid] {
			delete(e.announced, uid)
		}
	}
	var found []rules.Pod
	for _, pod := range pods {
		ip, announced := e.announced[pod.UID]
		if !announced {
			ip, _ = netip.ParseAddr(pod.Status.PodIP)
		}
		if !alive[pod.UID] || pod.Spec.HostNetwork || !ip.IsValid() || !e.podCIDR.Contains(ip) {
			continue
		}
		if owner, taken := holder[ip]; taken && owner != pod.UID {
			continue
		}
		holder[ip] = pod.UID
		found = append(found, rules.Pod{Namespace: pod.Namespace, Name: pod.Name, Labels: pod.Labels, IP: ip, Ports: namedPorts(pod)})
	}
	return found
}

func namedPorts(pod *corev1.Pod) []rules.NamedPort {
	var ports []rules.NamedPort
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name != "" {
				ports = append(ports, rules.NamedPort{Name: port.Name, Protocol: string(port.Protocol), Number: port.ContainerPort})
			}
		}
	}
	return ports
}
