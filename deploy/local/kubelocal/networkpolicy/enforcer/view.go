package main

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

// clusterView is the enforcer's copy of what it needs to know of the cluster.
type clusterView struct {
	factory    informers.SharedInformerFactory
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	informers  []cache.SharedIndexInformer
}

func newClusterView(client kubernetes.Interface) (*clusterView, error) {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	namespaces := factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	view := &clusterView{
		factory:    factory,
		pods:       pods.Lister(),
		namespaces: namespaces.Lister(),
		policies:   policies.Lister(),
		informers:  []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()},
	}
	for _, informer := range view.informers {
		if err := informer.SetTransform(trim); err != nil {
			return nil, err
		}
	}
	return view, nil
}

// start watches, and returns once everything has been seen. notice is called after each change that matters.
func (v *clusterView) start(ctx context.Context, notice func()) error {
	for _, informer := range v.informers {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { notice() },
			DeleteFunc: func(any) { notice() },
			UpdateFunc: func(before, after any) {
				if matters(before, after) {
					notice()
				}
			},
		})
		if err != nil {
			return err
		}
	}
	v.factory.Start(ctx.Done())
	for _, informer := range v.informers {
		if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			return errors.New("ended before the cluster was seen")
		}
	}
	notice()
	return nil
}

// matters tells apart the many updates of a pod's life, and the few that change rules.
func matters(before, after any) bool {
	old, isPod := before.(*corev1.Pod)
	if !isPod {
		return true
	}
	next, _ := after.(*corev1.Pod)
	return old.Status.PodIP != next.Status.PodIP || finished(old) != finished(next) || !sameLabels(old.Labels, next.Labels)
}

func sameLabels(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if other, exists := b[key]; !exists || other != value {
			return false
		}
	}
	return true
}

// finished pods have given their address back.
func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// trim drops from the copy what no rule depends on.
func trim(object any) (any, error) {
	switch kept := object.(type) {
	case *corev1.Pod:
		kept.ManagedFields, kept.Annotations = nil, nil
		kept.Spec.Volumes = nil
		for i := range kept.Spec.Containers {
			kept.Spec.Containers[i] = corev1.Container{Name: kept.Spec.Containers[i].Name, Ports: kept.Spec.Containers[i].Ports}
		}
	case *networkingv1.NetworkPolicy:
		kept.ManagedFields = nil
	case *corev1.Namespace:
		kept.ManagedFields = nil
	}
	return object, nil
}

const pollInterval = 10 * time.Millisecond

// awaitPod waits until the copy holds the pod of this identity: the kubelet may have heard of it first.
func (v *clusterView) awaitPod(ctx context.Context, namespace, name, uid string) (*corev1.Pod, error) {
	for {
		pod, err := v.pods.Pods(namespace).Get(name)
		if err == nil && (uid == "" || string(pod.UID) == uid) {
			return pod, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.New("the pod is not known to the API server")
		case <-time.After(pollInterval):
		}
	}
}
