// Package fn serves a function on fnplane: HTTP or CloudEvents in, Handle(ctx, event), HTTP out.
//
// A function is the root package of a Go module, of any name but main:
//
//	func Handle(ctx context.Context, event fn.Event) (any, error)
//
// The platform adds the main package, which calls [Start] with it.
//
// Secrets arrive as variables, or as files /var/run/secrets/fnplane/<secret>/<KEY> where function.yaml asks for them. With live updates
// the files change while the function runs: read them when they are used.
package fn
