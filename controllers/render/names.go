package render

// FieldManager owns every field of a tenant's objects, except the number of replicas.
const FieldManager = "loket"

// HashAnnotation carries the hash of the configuration that was last applied.
const HashAnnotation = "loket.dev/hash"

// Labels of a tenant's objects and pods.
const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelManagedBy = "app.kubernetes.io/managed-by"
	labelPool      = "loket.dev/pool"
	// labelMonitoring marks namespaces whose pods may read the metrics port.
	labelMonitoring = "loket.dev/monitoring"

	appName       = "loket"
	componentBot  = "bot"
	componentDesk = "desk"
)

// BotName is the bot's workload and Service.
const BotName = "bot"

// DeskName is a pool's Deployment and Service.
func DeskName(pool string) string { return "desk-" + pool }

// InternalName is the Service, and the NetworkPolicy, of the port that the operator talks to.
func InternalName(tenant string) string { return tenant + "-internal" }

// BootName is the ConfigMap that pods read before anything else.
func BootName(tenant string) string { return tenant + "-boot" }

// ManagedLabels select every object that the operator made.
func ManagedLabels() map[string]string { return map[string]string{labelManagedBy: appName} }

// TenantLabels select a tenant's objects and pods.
func TenantLabels(tenant string) map[string]string {
	return map[string]string{labelName: appName, labelInstance: tenant}
}

// OperatorLabels select the operator's own pods.
func OperatorLabels() map[string]string {
	return map[string]string{labelName: appName, labelComponent: "operator"}
}

// BotLabels select the bot's pods.
func BotLabels(tenant string) map[string]string {
	return with(TenantLabels(tenant), labelComponent, componentBot)
}

// DeskLabels select a pool's desk pods.
func DeskLabels(tenant, pool string) map[string]string {
	return with(with(TenantLabels(tenant), labelComponent, componentDesk), labelPool, pool)
}

func with(m map[string]string, key, value string) map[string]string {
	out := make(map[string]string, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	out[key] = value
	return out
}
