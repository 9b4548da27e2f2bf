package render

import (
	"net"
	"strconv"
	"strings"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// PublicURL is where citizens' platforms and browsers reach the bot, without a slash at the end; empty when not known yet.
func (in Input) PublicURL() string {
	return BaseURL(in.Class, in.Tenant.Namespace, in.NodePorts[BotName])
}

// DeskURL is a pool's console; empty when not known yet.
func (in Input) DeskURL(pool string) string {
	service := DeskName(pool)
	if in.Embedded() {
		service = BotName
	}
	return DeskPage(BaseURL(in.Class, in.Tenant.Namespace, in.NodePorts[service]), pool)
}

// BaseURL is how a class exposes a Service of a namespace; nodePort is looked at only where the class exposes node ports.
func BaseURL(class v1alpha1.TenantClass, namespace string, nodePort int32) string {
	switch e := class.Spec.Exposure; {
	case e.External != nil:
		return strings.TrimRight(strings.ReplaceAll(e.External.URL, "{{ namespace }}", namespace), "/")
	case e.NodePort != nil && nodePort != 0:
		return "http://" + net.JoinHostPort(e.NodePort.Address, strconv.Itoa(int(nodePort)))
	}
	return ""
}

// DeskPage is a pool's console below a base URL.
func DeskPage(base, pool string) string {
	if base == "" {
		return ""
	}
	return base + "/desk/" + pool + "/"
}
