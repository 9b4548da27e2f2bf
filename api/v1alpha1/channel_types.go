package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Channel is a way in: one account of one platform, and the flow that answers there.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ch,categories=loket
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.status.type`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Flow",type=string,JSONPath=`.spec.flow`
// +kubebuilder:printcolumn:name="Health",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.') && self.metadata.name.size() <= 40",message="metadata.name must be at most 40 letters, digits and dashes, without dots: addresses and volumes are named after it"
type Channel struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              ChannelSpec `json:"spec"`
	// +optional
	Status ChannelStatus `json:"status,omitempty"`
}

// ChannelSpec is exactly one kind of channel and the flow it enters.
//
// +kubebuilder:validation:XValidation:rule="has(self.whatsapp) != has(self.webchat)",message="set exactly one of whatsapp, webchat"
// +kubebuilder:validation:XValidation:rule="has(self.whatsapp) == has(oldSelf.whatsapp)",message="the kind of a channel cannot change: make a new Channel"
type ChannelSpec struct {
	// flow is the DialogFlow that answers.
	Flow ObjectName `json:"flow"`
	// +optional
	WhatsApp *WhatsAppChannel `json:"whatsapp,omitempty"`
	// +optional
	WebChat *WebChatChannel `json:"webchat,omitempty"`
}

// WhatsAppChannel is one number on the WhatsApp Cloud API.
type WhatsAppChannel struct {
	// phoneNumberID is Meta's id of the number (digits), not the number itself.
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{5,20}$')",message="must be Meta's id of the number, 5 to 20 digits; it is not the telephone number"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="phoneNumberID cannot change: conversations belong to the number; make a new Channel"
	PhoneNumberID string `json:"phoneNumberID"`
	// businessAccountID is the id of the WhatsApp Business Account (WABA); bodies of other accounts are refused.
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[0-9]{5,20}$`
	BusinessAccountID string `json:"businessAccountID"`
	// portfolioID is the Meta business portfolio, in which citizens' business-scoped ids mean the same person. Channels of one
	// portfolio share contacts; defaults to the WABA's id.
	// +optional
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[0-9]{5,20}$`
	PortfolioID string `json:"portfolioID,omitempty"`
	// secretName holds accessToken, appSecret (and appSecretPrevious during a rotation), verifyToken.
	SecretName ObjectName `json:"secretName"`
	// messagesPerSecond is what the number may send. Meta allows 80, 1,000 after its own upgrade of the number, and 20 for a
	// number that people also use in the WhatsApp Business app; it counts what comes in as well. Loket halves it for a while
	// when Meta says that it was too much.
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MessagesPerSecond int32 `json:"messagesPerSecond,omitempty"`
}

// WebChatChannel is the widget on the agency's web site, and a page of its own.
type WebChatChannel struct {
	// title over the conversation; the tenant's display name when absent.
	// +optional
	Title Text `json:"title,omitempty"`
	// allowedOrigins are the web sites that may embed the widget, such as https://www.example.go.id.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	AllowedOrigins []Origin `json:"allowedOrigins,omitempty"`
}

// OriginPattern is what an Origin looks like. The web chat writes origins into a header, and goes by the very same.
const OriginPattern = `^https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?$`

// Origin is scheme, host and port of a web site.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([a-z0-9.-]+|\\\\[[0-9a-f:]+\\\\])(:[0-9]{1,5})?$')",message="must be scheme and host of a web site in small letters, without a path, such as https://www.example.go.id"
type Origin string

// ChannelStatus says whether citizens are served there.
type ChannelStatus struct {
	Verdict `json:",inline"`
	// type is whatsapp or webchat.
	// +optional
	Type string `json:"type,omitempty"`
	// url is the webhook to give to the platform, or the page to open.
	// +optional
	URL string `json:"url,omitempty"`
}

// ChannelList is a list of channels.
//
// +kubebuilder:object:root=true
type ChannelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Channel `json:"items"`
}
