package render

import (
	"path"

	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

const (
	bootVolumeName    = "boot"
	scratchVolumeName = "scratch"
)

// volume is a volume with where the container sees it.
type volume struct {
	source *corev1ac.VolumeApplyConfiguration
	mount  *corev1ac.VolumeMountApplyConfiguration
}

// credential mounts a Secret that need not be there yet: the pod starts, and reports what is missing.
func credential(name, secret, dir string) volume {
	return volume{
		source: corev1ac.Volume().WithName(name).WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(secret).WithOptional(true).WithDefaultMode(0o440)),
		mount: corev1ac.VolumeMount().WithName(name).WithMountPath(dir).WithReadOnly(true),
	}
}

func storeVolumes(in Input) []volume {
	if in.Embedded() {
		return nil
	}
	return []volume{credential("store", string(in.Tenant.Spec.Storage.Postgres.SecretName), bundle.StoreDir)}
}

// channelVolumes are the credentials of the channels that have any.
func channelVolumes(in Input) []volume {
	var out []volume
	for i := range in.Channels {
		c := &in.Channels[i]
		if c.Spec.WhatsApp == nil {
			continue
		}
		out = append(out, credential("channel-"+c.Name, string(c.Spec.WhatsApp.SecretName),
			path.Join(bundle.ChannelsDir, c.Name)))
	}
	return out
}

// callVolumes are the credentials of outside calls, apart from those of channels and the store: a flow can name no other Secret.
func callVolumes(in Input) []volume {
	out := make([]volume, 0, len(in.Calls))
	for _, secret := range in.Calls {
		out = append(out, credential(secret, secret, path.Join(bundle.CallsDir, secret)))
	}
	return out
}

func agentsVolume(pool *v1alpha1.AgentPool) volume {
	return credential("agents-"+pool.Name, string(pool.Spec.Agents.SecretName),
		path.Join(bundle.AgentsDir, pool.Name))
}

func bootVolume(in Input) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(bootVolumeName).WithConfigMap(corev1ac.ConfigMapVolumeSource().
		WithName(BootName(in.Tenant.Name)).WithDefaultMode(0o444))
}

func bootMount() *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(bootVolumeName).WithMountPath(path.Dir(bundle.BootFile)).WithReadOnly(true)
}

// scratchVolume is the only place that a pod without a data volume can write to.
func scratchVolume() *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(scratchVolumeName).WithEmptyDir(corev1ac.EmptyDirVolumeSource().
		WithSizeLimit(resource.MustParse("64Mi")))
}

func scratchMount() *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(scratchVolumeName).WithMountPath("/tmp")
}
