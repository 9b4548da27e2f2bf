// Package wire is KEDA's protocol of external scalers, as far as Loket answers it. Its code is written by hack/generate.sh.
package wire
