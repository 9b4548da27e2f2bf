package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CallMethod is how an outside service is called.
//
// +kubebuilder:validation:Enum=GET;PUT;POST
type CallMethod string

// The methods. By HTTP's own rules GET and PUT may be repeated, POST may not.
const (
	CallGet  CallMethod = "GET"
	CallPut  CallMethod = "PUT"
	CallPost CallMethod = "POST"
)

// Call asks an outside service and keeps what it answers. The conversation waits: what the citizen writes meanwhile is handled
// after the answer, but for triggers, which end the wait. next follows an answer of success, 200 to 299.
//
// +kubebuilder:validation:XValidation:rule="!has(self.body) || self.method != 'GET'",message="a GET has no body: use POST or PUT, or put the values into url"
// +kubebuilder:validation:XValidation:rule="!has(self.retries) || self.retries == 0 || self.method != 'POST' || (has(self.idempotent) && self.idempotent)",message="a POST is repeated only with idempotent: true, where the service takes an Idempotency-Key once"
type Call struct {
	// +kubebuilder:default=GET
	Method CallMethod `json:"method,omitempty"`
	// url may have {{ }} in path and query, where values are escaped, and not in scheme and host. Loket calls addresses
	// of the public internet over https, and what the TenantClass's egress opens.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/')",message="must begin with scheme, host and a slash, such as https://api.example.go.id/; the host is written out"
	URL string `json:"url"`
	// body is the JSON object that is sent.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Body []CallField `json:"body,omitempty"`
	// secretName is a Secret whose name begins with call-. Its key hosts lists the hosts that it may go to, one a line; its key
	// authorization is sent as the header of that name.
	// +optional
	SecretName CallSecretName `json:"secretName,omitempty"`
	// timeout of one attempt, 1s to 10s.
	// +kubebuilder:default="5s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}m?s){1,3}$') && duration(self) >= duration('1s') && duration(self) <= duration('10s')",message="must be 1s to 10s: a citizen waits"
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// retries after an attempt that failed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2
	Retries int32 `json:"retries,omitempty"`
	// idempotent says that the service does once what it is asked twice with the same Idempotency-Key. GET and PUT are by
	// themselves.
	// +optional
	Idempotent bool `json:"idempotent,omitempty"`
	// take keeps values of the JSON answer.
	// +optional
	// +listType=map
	// +listMapKey=as
	// +kubebuilder:validation:MaxItems=20
	Take []CallValue `json:"take,omitempty"`
	// statusAs is the number that keeps the answer's HTTP status.
	// +optional
	StatusAs Variable `json:"statusAs,omitempty"`
	// otherwise is the node after any other answer, and when the service cannot be reached.
	Otherwise Name `json:"otherwise"`
	// onUnknown is the node when the service may have done what it was asked and did not say so: time ran out, or the
	// connection broke. It is otherwise when absent.
	// +optional
	OnUnknown Name `json:"onUnknown,omitempty"`
}

// CallField is one field of the object that is sent.
type CallField struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name"`
	// value is CEL; text, numbers, true and false, and lists stay what they are.
	Value Expression `json:"value"`
}

// CallValue keeps one value of an answer.
type CallValue struct {
	// as is the variable that keeps it.
	As Variable `json:"as"`
	// from is where it stands in the answer: a JSON Pointer (RFC 6901) such as /data/status.
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="self == '' || self.startsWith('/')",message="must be a JSON Pointer such as /data/status"
	From string `json:"from"`
}
