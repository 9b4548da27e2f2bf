package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// None of these cases may come so far as to ask the API server; there is no client, so one that did
// would panic.
func given(dir string) *provisioner {
	return &provisioner{name: "loket.dev/local", dir: dir, log: slog.New(slog.DiscardHandler)}
}

func claim(annotations map[string]string) *corev1.PersistentVolumeClaim {
	class := "local"
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "notes", Namespace: "ojk", UID: types.UID("u-1"), Annotations: annotations},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

func TestClaimsThatAreNotOursOrNotYet(t *testing.T) {
	ours := map[string]string{askedOf: "loket.dev/local", selectedNode: "node1"}
	for name, change := range map[string]func(*corev1.PersistentVolumeClaim){
		"another provisioner's": func(c *corev1.PersistentVolumeClaim) {
			c.Annotations = map[string]string{askedOf: "x", selectedNode: "node1"}
		},
		"before the scheduler chose": func(c *corev1.PersistentVolumeClaim) { c.Annotations = map[string]string{askedOf: "loket.dev/local"} },
		"bound already":              func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pvc-1" },
		"on its way out":             func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{} },
	} {
		c := claim(ours)
		change(c)
		if err := given(t.TempDir()).provision(context.Background(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	block := corev1.PersistentVolumeBlock
	c := claim(ours)
	c.Spec.VolumeMode = &block
	if err := given(t.TempDir()).provision(context.Background(), c); err == nil || !strings.Contains(err.Error(), "ojk/notes") {
		t.Errorf("a block device: %v", err)
	}
}

func TestAVolumeIsTiedToItsClaimAndNode(t *testing.T) {
	v := given("/volumes").volume(claim(nil), "node1")
	if v.Name != "pvc-u-1" || v.Spec.Local.Path != "/volumes/pvc-u-1" || v.Spec.ClaimRef.UID != "u-1" || v.Spec.AccessModes[0] != corev1.ReadWriteOncePod {
		t.Errorf("%+v", v.Spec)
	}
	if got := v.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values; len(got) != 1 || got[0] != "node1" {
		t.Errorf("node %v", got)
	}
}

// A volume is an object that whoever may write volumes can write: its path is not to be believed.
func TestOnlyFoldersOfOursAreRemoved(t *testing.T) {
	root := t.TempDir()
	p := given(filepath.Join(root, "volumes"))
	precious := filepath.Join(root, "precious")
	if err := os.MkdirAll(precious, 0o755); err != nil {
		t.Fatal(err)
	}
	volume := func(path string, phase corev1.PersistentVolumePhase, policy corev1.PersistentVolumeReclaimPolicy) *corev1.PersistentVolume {
		v := p.volume(claim(nil), "node1")
		v.Spec.Local.Path, v.Status.Phase, v.Spec.PersistentVolumeReclaimPolicy = path, phase, policy
		return v
	}
	for _, path := range []string{precious, p.dir + "/../precious", p.dir + "/x/../../precious", p.dir} {
		if err := p.reclaim(context.Background(), volume(path, corev1.VolumeReleased, corev1.PersistentVolumeReclaimDelete)); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
	for _, v := range []*corev1.PersistentVolume{
		volume(precious, corev1.VolumeBound, corev1.PersistentVolumeReclaimDelete),
		volume(precious, corev1.VolumeReleased, corev1.PersistentVolumeReclaimRetain),
	} {
		if err := p.reclaim(context.Background(), v); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error("a folder that is not ours is gone")
	}
}
