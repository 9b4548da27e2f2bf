// Command protoc writes the Go code of a .proto file beside it, with the generators that its go.mod pins: no program has to be installed
// for it.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protoc FILE.proto")
		os.Exit(2)
	}
	if err := generate(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, file string) error {
	folder, name := filepath.Split(file)
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{folder}},
		SourceInfoMode: protocompile.SourceInfoStandard, // comments go into the code
	}
	files, err := compiler.Compile(ctx, name)
	if err != nil {
		return err
	}
	parameter := "paths=source_relative"
	question, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{name}, Parameter: &parameter,
		ProtoFile: []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(files[0])},
	})
	if err != nil {
		return err
	}
	for _, generator := range []string{"protoc-gen-go", "protoc-gen-go-grpc"} {
		cmd := exec.CommandContext(ctx, "go", "tool", generator)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(question), os.Stderr
		body, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", generator, err)
		}
		var answer pluginpb.CodeGeneratorResponse
		if err := proto.Unmarshal(body, &answer); err != nil {
			return fmt.Errorf("%s: %w", generator, err)
		}
		if answer.Error != nil {
			return fmt.Errorf("%s: %s", generator, answer.GetError())
		}
		for _, f := range answer.GetFile() {
			if err := os.WriteFile(filepath.Join(folder, f.GetName()), []byte(f.GetContent()), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
