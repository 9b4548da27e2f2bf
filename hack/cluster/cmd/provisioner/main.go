// Command provisioner gives each claim of its storage class a folder on the claim's node, as a `local`
// volume. Unlike the host-path volumes that Kubernetes has built in, the kubelet gives such a folder to a
// pod's fsGroup, so that pods without root can write, and schedules the pod to where the folder is.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	var kubeconfig string
	p := provisioner{log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flag.StringVar(&kubeconfig, "kubeconfig", "", "credentials for the API server")
	flag.StringVar(&p.dir, "dir", "", "folder that volumes are made in")
	flag.StringVar(&p.name, "name", "", "name by which storage classes ask for this provisioner")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, &p, kubeconfig); err != nil {
		p.log.Error("cannot provision", "error", err)
		os.Exit(1)
	}
}

// run hands every change of a claim or a volume to the provisioner. A change that could not be carried
// out comes again with the next look at everything.
func run(ctx context.Context, p *provisioner, kubeconfig string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	if p.client, err = kubernetes.NewForConfig(cfg); err != nil {
		return err
	}
	if p.dir, err = filepath.Abs(p.dir); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(p.client, again)
	claims, volumes := factory.Core().V1().PersistentVolumeClaims().Informer(), factory.Core().V1().PersistentVolumes().Informer()
	if _, err := claims.AddEventHandler(on(func(c *corev1.PersistentVolumeClaim) { p.report("claim "+c.Namespace+"/"+c.Name, p.provision(ctx, c)) })); err != nil {
		return err
	}
	if _, err := volumes.AddEventHandler(on(func(v *corev1.PersistentVolume) { p.report("volume "+v.Name, p.reclaim(ctx, v)) })); err != nil {
		return err
	}
	factory.StartWithContext(ctx)
	<-ctx.Done()
	factory.Shutdown()
	return nil
}

func on[T any](f func(T)) cache.ResourceEventHandlerFuncs {
	one := func(object any) {
		if t, ok := object.(T); ok {
			f(t)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: one, UpdateFunc: func(_, now any) { one(now) }}
}
