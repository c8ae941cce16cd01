// Reads cases as JSON lines {"config","env"} and prints for each what distribution's own parser makes of it: the
// configuration with its zero values left out, or that it refuses, and the variables that it ignores. See record.ts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/sirupsen/logrus"
)

type testCase struct {
	Config string            `json:"config"`
	Env    map[string]string `json:"env"`
}

type answer struct {
	Tree    interface{} `json:"tree,omitempty"`
	Error   string      `json:"error,omitempty"`
	Ignored []string    `json:"ignored"`
}

type hook struct{ ignored []string }

func (h *hook) Levels() []logrus.Level { return logrus.AllLevels }
func (h *hook) Fire(entry *logrus.Entry) error {
	for _, word := range strings.Fields(entry.Message) {
		if strings.HasPrefix(word, "REGISTRY_") {
			h.ignored = append(h.ignored, word)
		}
	}
	return nil
}

func main() {
	logrus.SetOutput(io.Discard)
	heard := &hook{}
	logrus.AddHook(heard)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		heard.ignored = []string{}
		os.Clearenv()
		for name, value := range c.Env {
			os.Setenv(name, value)
		}
		result := parse(c.Config)
		result.Ignored = heard.ignored
		sort.Strings(result.Ignored)
		out, err := json.Marshal(result)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(out))
	}
}

func parse(text string) (result answer) {
	defer func() {
		if problem := recover(); problem != nil {
			result = answer{Error: fmt.Sprint(problem)}
		}
	}()
	config, err := configuration.Parse(strings.NewReader(text))
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Tree: dump(reflect.ValueOf(*config))}
}

func dump(v reflect.Value) interface{} {
	switch v.Kind() {
	case reflect.Ptr, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return dump(v.Elem())
	case reflect.Struct:
		fields := map[string]interface{}{}
		for i := 0; i < v.NumField(); i++ {
			field := v.Type().Field(i)
			key := strings.Split(field.Tag.Get("yaml"), ",")[0]
			if key == "" {
				key = strings.ToLower(field.Name)
			}
			if key == "redis" || v.Field(i).IsZero() {
				continue
			}
			if value := dump(v.Field(i)); !isEmpty(value) || v.Field(i).Kind() == reflect.Ptr {
				fields[key] = value
			}
		}
		return fields
	case reflect.Map:
		entries := map[string]interface{}{}
		for _, key := range v.MapKeys() {
			entries[fmt.Sprint(key.Interface())] = dump(v.MapIndex(key))
		}
		return entries
	case reflect.Slice:
		items := []interface{}{}
		for i := 0; i < v.Len(); i++ {
			items = append(items, dump(v.Index(i)))
		}
		return items
	default:
		return v.Interface()
	}
}

// A struct all of whose fields are zero, or an empty list.
func isEmpty(value interface{}) bool {
	switch value := value.(type) {
	case map[string]interface{}:
		return len(value) == 0
	case []interface{}:
		return len(value) == 0
	}
	return false
}
