package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
)

// images builds the two images of Loket as tarballs, for a cluster of one's own. They are pushed with whatever tool one has:
// the tarballs are what `docker load`, `podman load`, `skopeo copy docker-archive:` and `crane push` read.
func (d *demo) images(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	registry := flags.String("registry", "loket.dev", "registry and folder of the images")
	flags.StringVar(&d.tag, "tag", "", "tag of the images; of the programs' content when absent")
	if err := flags.Parse(args); err != nil {
		return err
	}
	*registry = strings.TrimSuffix(*registry, "/")
	tars, err := d.buildImages(ctx, *registry, products...)
	if err != nil {
		return err
	}
	fmt.Println()
	for i, p := range products {
		fmt.Printf("%s/%s:%s   %s\n", *registry, p.image, d.tag, rel(d.root, tars[i]))
	}
	fmt.Printf("push them with the tool you have (crane push FILE NAME, or docker load -i FILE and docker push NAME), then install with\n"+
		"  --set-string operator.image.repository=%[1]s/operator,operator.image.tag=%[2]s --set-string runtime.image.repository=%[1]s/bot-runtime,runtime.image.tag=%[2]s\n",
		*registry, d.tag)
	return nil
}
