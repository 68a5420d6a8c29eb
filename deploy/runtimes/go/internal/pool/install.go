package pool

import (
	"archive/tar"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// install writes code and secret files as they come: a length, so many bytes of JSON, then the code's image layer as a plain tar.
func (w *Waiting) install(body io.Reader) (order, error) {
	var ordered order
	var length uint32
	if err := binary.Read(body, binary.BigEndian, &length); err != nil || length > maxHeadBytes {
		return ordered, errors.New("the specialization is cut off")
	}
	head := make([]byte, length)
	if _, err := io.ReadFull(body, head); err != nil {
		return ordered, errors.New("the specialization is cut off")
	}
	if err := json.Unmarshal(head, &ordered); err != nil {
		return ordered, fmt.Errorf("the specialization cannot be read: %v", err)
	}
	for name, content := range ordered.SecretFiles {
		path, err := inside(w.SecretsFolder, name)
		if err == nil {
			err = write(path, strings.NewReader(string(content)), 0o440)
		}
		if err != nil {
			return ordered, err
		}
	}
	return ordered, w.unpack(tar.NewReader(body))
}

// unpack takes the folder function out of an image layer, as it would lie in an image of its own.
func (w *Waiting) unpack(archive *tar.Reader) error {
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the code cannot be read: %v", err)
		}
		name, isCode := strings.CutPrefix(entry.Name, "function/")
		if !isCode || name == "" {
			continue
		}
		path, err := inside(w.CodeFolder, name)
		if err != nil {
			return err
		}
		switch entry.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeReg:
			err = write(path, archive, os.FileMode(entry.Mode)&0o555)
		case tar.TypeSymlink:
			err = os.Symlink(entry.Linkname, path)
		}
		if err != nil {
			return err
		}
	}
}

// inside is the path of name below folder. Nothing that is written may lie outside of it.
func inside(folder, name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q would lie outside of %s", name, folder)
	}
	return filepath.Join(folder, name), nil
}

func write(path string, content io.Reader, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}
