package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// again is how often everything is looked at, whether it changed or not.
const again = 30 * time.Second

// Annotations by which Kubernetes and external provisioners speak to each other.
const (
	askedOf      = "volume.kubernetes.io/storage-provisioner"
	selectedNode = "volume.kubernetes.io/selected-node"
	madeBy       = "pv.kubernetes.io/provisioned-by"
)

type provisioner struct {
	name   string
	dir    string
	client kubernetes.Interface
	log    *slog.Logger
}

func (p *provisioner) report(what string, err error) {
	if err != nil {
		p.log.Warn("will be tried again", "what", what, "error", err)
	}
}

// provision makes the volume that a claim waits for.
func (p *provisioner) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	node := claim.Annotations[selectedNode]
	switch {
	case claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || claim.Annotations[askedOf] != p.name:
		return nil
	case node == "" || claim.Spec.StorageClassName == nil:
		return nil // the scheduler has not chosen yet
	case claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock:
		return fmt.Errorf("claim %s/%s wants a block device; this class has folders", claim.Namespace, claim.Name)
	}
	volume := p.volume(claim, node)
	dir := volume.Spec.Local.Path
	if err := os.MkdirAll(dir, 0o770); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o770); err != nil { // whatever the umask
		return err
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err == nil {
		p.log.Info("volume made", "claim", claim.Namespace+"/"+claim.Name, "volume", volume.Name)
	}
	return err
}

// volume is named for the claim's UID, so that making it twice makes one.
func (p *provisioner) volume(claim *corev1.PersistentVolumeClaim, node string) *corev1.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{madeBy: p.name}},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName:              *claim.Spec.StorageClassName,
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: filepath.Join(p.dir, name)}},
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}},
			}}}},
		},
	}
}

// reclaim removes a released volume with its folder, unless its owner set it to be retained.
func (p *provisioner) reclaim(ctx context.Context, volume *corev1.PersistentVolume) error {
	switch {
	case volume.Annotations[madeBy] != p.name || volume.Spec.Local == nil || volume.DeletionTimestamp != nil:
		return nil
	case volume.Status.Phase != corev1.VolumeReleased || volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete:
		return nil
	case filepath.Dir(filepath.Clean(volume.Spec.Local.Path)) != p.dir:
		return fmt.Errorf("volume %s: %s is not a folder of this provisioner and is left alone", volume.Name, volume.Spec.Local.Path)
	}
	if err := os.RemoveAll(volume.Spec.Local.Path); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		p.log.Info("volume removed", "volume", volume.Name)
	}
	return err
}
