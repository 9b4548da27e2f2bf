//go:build !simulator

package main

import (
	"context"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/files"
)

// startSimulator does nothing: the simulator is no part of the product. WhatsApp is wherever --whatsapp-api says.
func startSimulator(context.Context, *dev, bundle.Objects, files.Secrets, string) error { return nil }
