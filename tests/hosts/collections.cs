// Collects garbage inside callbacks, which stops every thread that runs managed code, and has an exception of the kind that
// a fault raises caught in one.
using System;
using System.Runtime.InteropServices;
using System.Threading;

static class Program
{
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate int Progress(IntPtr userData, IntPtr progress);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate void Done(IntPtr userData, IntPtr task);

    const string Tus = "libtus.so";

    [DllImport(Tus)] static extern IntPtr tus_config_new();
    [DllImport(Tus)] static extern int tus_config_set_url(IntPtr config, string url);
    [DllImport(Tus)] static extern int tus_client_new(IntPtr config, out IntPtr client, IntPtr error);
    [DllImport(Tus)] static extern void tus_config_free(IntPtr config);
    [DllImport(Tus)] static extern IntPtr tus_upload_options_new();
    [DllImport(Tus)] static extern int tus_upload_options_set_progress(IntPtr options, Progress progress, IntPtr userData, IntPtr destroy);
    [DllImport(Tus)] static extern void tus_upload_options_free(IntPtr options);
    [DllImport(Tus)] static extern int tus_client_upload_file_async(IntPtr client, string path, IntPtr options, Done done, IntPtr userData, IntPtr destroy, out IntPtr task, IntPtr error);
    [DllImport(Tus)] static extern int tus_client_upload_file(IntPtr client, string path, IntPtr options, IntPtr info, IntPtr error);
    [DllImport(Tus)] static extern int tus_task_wait(IntPtr task, long milliseconds);
    [DllImport(Tus)] static extern int tus_task_result(IntPtr task, IntPtr error);
    [DllImport(Tus)] static extern void tus_task_unref(IntPtr task);
    [DllImport(Tus)] static extern int tus_client_close(IntPtr client, long milliseconds);
    [DllImport(Tus)] static extern void tus_client_unref(IntPtr client);

    class Box { public int Content; }

    static Box nothing;
    static int caught, ended;

    static int OnProgress(IntPtr userData, IntPtr progress)
    {
        GC.Collect();
        try { nothing.Content++; }
        catch (NullReferenceException) { Interlocked.Increment(ref caught); }
        return 0;
    }

    static void OnDone(IntPtr userData, IntPtr task)
    {
        GC.Collect();
        Interlocked.Increment(ref ended);
    }

    static void Check(int status)
    {
        if (status != 0) { Console.Error.WriteLine("status " + status); Environment.Exit(1); }
    }

    static int Main(string[] words)
    {
        const int uploads = 50;
        Progress progress = OnProgress;
        Done done = OnDone;
        IntPtr config = tus_config_new(), client, options = tus_upload_options_new();
        Check(tus_config_set_url(config, words[0]));
        Check(tus_client_new(config, out client, IntPtr.Zero));
        Check(tus_upload_options_set_progress(options, progress, IntPtr.Zero, IntPtr.Zero));
        var tasks = new IntPtr[uploads];
        for (int i = 0; i < uploads; i++)
            Check(tus_client_upload_file_async(client, words[1], options, done, IntPtr.Zero, IntPtr.Zero, out tasks[i], IntPtr.Zero));
        Check(tus_client_upload_file(client, words[1], options, IntPtr.Zero, IntPtr.Zero));
        foreach (var task in tasks)
        {
            Check(tus_task_wait(task, -1));
            Check(tus_task_result(task, IntPtr.Zero));
            tus_task_unref(task);
        }
        Check(tus_client_close(client, -1));
        tus_client_unref(client);
        tus_upload_options_free(options);
        tus_config_free(config);
        GC.KeepAlive(progress);
        GC.KeepAlive(done);
        Console.WriteLine(ended + (caught > uploads ? " and faults caught" : " and too few faults: " + caught));
        return 0;
    }
}
