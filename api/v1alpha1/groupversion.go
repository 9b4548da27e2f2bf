package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "loket.dev", Version: "v1alpha1"}

// AddToScheme registers every kind of this package with a scheme.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&TenantClass{}, &TenantClassList{},
		&BotTenant{}, &BotTenantList{},
		&Channel{}, &ChannelList{},
		&DialogFlow{}, &DialogFlowList{},
		&Directory{}, &DirectoryList{},
		&Knowledge{}, &KnowledgeList{},
		&AgentPool{}, &AgentPoolList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
