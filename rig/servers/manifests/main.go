// Command manifests judges deployment files with the code of the tools that read them: Kubernetes manifests with
// kustomize and the API's own types, compose files with Compose's loader.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 3 {
		exit(errors.New("usage: manifests kubernetes FOLDER | manifests compose FILE"))
	}
	switch os.Args[1] {
	case "kubernetes":
		exit(kubernetes(os.Args[2]))
	case "compose":
		exit(compose(os.Args[2]))
	default:
		exit(fmt.Errorf("unknown kind %q", os.Args[1]))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Builds the folder as `kubectl apply -k` does, and decodes every object as the API server does when it is strict: an
// unknown or doubled field is an error, and so is a value of another type.
func kubernetes(folder string) error {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	var faults []error
	for _, resource := range built.Resources() {
		manifest, err := resource.AsYAML()
		if err == nil {
			err = decode(resource.GetApiVersion()+" "+resource.GetKind(), manifest)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", resource.CurId(), err))
		}
	}
	fmt.Printf("%d objects\n", built.Size())
	return errors.Join(faults...)
}

func decode(kind string, manifest []byte) error {
	kinds := map[string]any{
		"apps/v1 DaemonSet":                      &apps.DaemonSet{},
		"apps/v1 Deployment":                     &apps.Deployment{},
		"apps/v1 StatefulSet":                    &apps.StatefulSet{},
		"autoscaling/v2 HorizontalPodAutoscaler": &autoscaling.HorizontalPodAutoscaler{},
		"policy/v1 PodDisruptionBudget":          &policy.PodDisruptionBudget{},
		"v1 ConfigMap":                           &core.ConfigMap{},
		"v1 Namespace":                           &core.Namespace{},
		"v1 Service":                             &core.Service{},
	}
	object, known := kinds[kind]
	if !known {
		return fmt.Errorf("this judge does not know %q", kind)
	}
	return yaml.UnmarshalStrict(manifest, object)
}

// Loads the file as `docker compose config` does: its schema, its variables, and what its services refer to.
func compose(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithConsistency(true))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	fmt.Printf("%d services\n", len(project.Services))
	return nil
}
