package config

import (
	"path/filepath"

	"github.com/loket-dev/loket/hack/cluster/host"
	"github.com/loket-dev/loket/hack/cluster/process"
)

// The components, in the order in which they are started.
const (
	Containerd        = "containerd"
	Etcd              = "etcd"
	APIServerName     = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kubelet           = "kubelet"
	Proxy             = "kube-proxy"
	ProvisionerName   = "provisioner"
)

// Components are the programs of the cluster in the order in which they are started.
func (v Values) Components() []process.Spec {
	return []process.Spec{
		v.component(Containerd, "-c", v.Dir()+"/containerd.toml"),
		v.component(Etcd, v.etcd()...),
		v.component(APIServerName, v.apiServer()...),
		v.component(ControllerManager, v.controllerManager()...),
		v.component(Scheduler, v.scheduler()...),
		v.component(Kubelet,
			"--config="+v.Dir()+"/kubelet.yaml",
			"--kubeconfig="+v.PKI()+"/kubelet-"+Node+".kubeconfig",
			"--root-dir="+v.State+"/kubelet",
			"--cert-dir="+v.State+"/kubelet/pki",
			"--hostname-override="+Node,
			"--node-ip="+NodePrefix.Addr().String()),
		v.component(Proxy, "--config="+v.Dir()+"/kube-proxy.yaml"),
		v.component(ProvisionerName, "--kubeconfig="+v.PKI()+"/admin.kubeconfig", "--dir="+v.State+"/volumes", "--name="+Provisioner),
	}
}

// component is found in the process table by its first word, which names the state folder: another
// cluster's or the machine's own containerd is never taken for ours.
func (v Values) component(name string, args ...string) process.Spec {
	return process.Spec{
		Name: name, Path: filepath.Join(v.Bin, name), Argv0: filepath.Join(v.State, "bin", name), Args: args,
		Log:       filepath.Join(v.State, "log", name+".log"),
		Namespace: host.Namespace(Namespace).Path(),
		Dir:       v.State,
		// Not the caller's environment: a proxy variable in it would send API requests to that proxy.
		Env: []string{"PATH=" + v.Bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"},
	}
}

func (v Values) etcd() []string {
	const client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380" // the namespace's loopback
	return []string{
		"--name=" + Node, "--data-dir=" + v.State + "/etcd",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=" + Node + "=" + peer,
		// Killed processes lose nothing by it; a machine that loses power does, and is a test machine.
		"--unsafe-no-fsync", "--log-level=warn",
	}
}

func (v Values) apiServer() []string {
	pki := v.PKI() + "/"
	return []string{
		"--advertise-address=" + NodePrefix.Addr().String(), // a loopback address is refused
		"--etcd-servers=http://127.0.0.1:2379",
		"--service-cluster-ip-range=" + Services.String(),
		"--service-node-port-range=30000-32767",
		"--allow-privileged=true",
		"--anonymous-auth=false",
		"--authorization-mode=Node,RBAC",
		// Beside the built-in ones, which hold PodSecurity, ValidatingAdmissionPolicy and the webhooks.
		"--enable-admission-plugins=NodeRestriction",
		"--client-ca-file=" + pki + "ca.crt",
		"--tls-cert-file=" + pki + "apiserver.crt", "--tls-private-key-file=" + pki + "apiserver.key",
		"--service-account-key-file=" + pki + "sa.crt", "--service-account-signing-key-file=" + pki + "sa.key",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--kubelet-client-certificate=" + pki + "apiserver-kubelet-client.crt",
		"--kubelet-client-key=" + pki + "apiserver-kubelet-client.key",
		"--kubelet-certificate-authority=" + pki + "ca.crt",
		"--kubelet-preferred-address-types=InternalIP", // the node's name resolves nowhere
		// Aggregation, for metrics-server and its like.
		"--requestheader-client-ca-file=" + pki + "front-proxy-ca.crt",
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + pki + "front-proxy-client.crt",
		"--proxy-client-key-file=" + pki + "front-proxy-client.key",
		"--enable-aggregator-routing=true",
	}
}

// controllerManager uses the administrator's kubeconfig for all controllers: an account for each, which
// --use-service-account-credentials would make, costs a cold start five seconds.
func (v Values) controllerManager() []string {
	pki := v.PKI() + "/"
	admin := pki + "admin.kubeconfig"
	return []string{
		"--kubeconfig=" + admin, "--authentication-kubeconfig=" + admin, "--authorization-kubeconfig=" + admin,
		"--bind-address=127.0.0.1", "--leader-elect=false",
		"--service-account-private-key-file=" + pki + "sa.key", "--root-ca-file=" + pki + "ca.crt",
		"--cluster-signing-cert-file=" + pki + "ca.crt", "--cluster-signing-key-file=" + pki + "ca.key",
		"--allocate-node-cidrs=true", "--cluster-cidr=" + Pods.String(), "--service-cluster-ip-range=" + Services.String(),
	}
}

func (v Values) scheduler() []string {
	own := v.PKI() + "/scheduler.kubeconfig"
	return []string{
		"--kubeconfig=" + own, "--authentication-kubeconfig=" + own, "--authorization-kubeconfig=" + own,
		"--bind-address=127.0.0.1", "--leader-elect=false",
	}
}
